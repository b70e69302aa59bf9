import type { Bindings } from "../env.ts";
import { toBase64, tryFromBase64 } from "../bytes/base64.ts";
import { AppError } from "../errors.ts";
import { release } from "../bytes/release.ts";
import { currentKeyId, decrypt, encrypt, keyIdOf } from "./cipher.ts";

/** Result of re-encrypting a state: numbers of its ciphertexts. */
export interface Reencrypted {
  /** Re-encrypted with the current master key. */
  reencrypted: number;
  /** Already encrypted with the current master key, or by the client's own provider. */
  untouched: number;
  /** Encrypted with a key that is not in `ENCRYPTION_KEYS`, or for another stack. They are not changed. */
  unreadable: number;
  /** By the id of the master key before. */
  keys: Record<string, number>;
}

/**
 * Re-encrypts a stack's ciphertexts one by one with the current master key, if they use an older one. Their values and their stack do not
 * change.
 * @param change whether the ciphertexts are changed; if not, they are only counted
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
