import type { Bindings } from "../env.ts";
import { toBase64, tryFromBase64 } from "../bytes/base64.ts";
import { AppError } from "../errors.ts";
import { release } from "../bytes/release.ts";
import { currentKeyId, decrypt, encrypt, keyIdOf } from "./cipher.ts";

/** What became of a state's ciphertexts. */
export interface Reencrypted {
  /** Put under the current master key. */
  reencrypted: number;
  /** Under it already, or of a provider of the client's own. */
  untouched: number;
  /** Under a key that is not listed, or another stack's; left as they are. */
  unreadable: number;
  /** Ciphertexts by the id of the master key that they were found under. */
  keys: Record<string, number>;
}

/**
 * Looks at a stack's ciphertexts one by one and puts those under an older master key under the current one. Nothing else of them
 * changes: not the value, not whose they are.
 * @param change false: only counts what would be done
 */
export function reencryption(env: Pick<Bindings, "ENCRYPTION_KEYS">, stackId: string, change: boolean) {
  const found: Reencrypted = { reencrypted: 0, untouched: 0, unreadable: 0, keys: {} };
  const current = currentKeyId(env.ENCRYPTION_KEYS);
  const replace = async (ciphertext: string): Promise<string | undefined> => {
    const sealed = tryFromBase64(ciphertext);
    const id = sealed && keyIdOf(sealed);
    if (!sealed || id === undefined) {
      found.untouched++;
      return undefined;
    }
    found.keys[id] = (found.keys[id] ?? 0) + 1;
    if (id === current) {
      found.untouched++;
      return undefined;
    }
    try {
      const plain = await decrypt(env.ENCRYPTION_KEYS, stackId, sealed);
      found.reencrypted++;
      const text = change ? toBase64(await encrypt(env.ENCRYPTION_KEYS, stackId, plain)) : undefined;
      release(plain);
      release(sealed);
      return text;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      found.unreadable++;
      return undefined;
    }
  };
  return { found, replace };
}

/** Undefined for what is not base64: the client's own provider writes its ciphertexts in its own way. */
