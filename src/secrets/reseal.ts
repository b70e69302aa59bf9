import type { Bindings } from "../env.ts";
import { AppError } from "../errors.ts";
import { currentKeyId, decrypt, encrypt, keyIdOf } from "./cipher.ts";

/**
 * Encrypts a stored secret again with the current master key. @param purpose what it was encrypted for
 * @returns `untouched`: it has the current key already; `unreadable`: its key is not in the settings any more
 */
export async function reseal(
  { ENCRYPTION_KEYS }: Pick<Bindings, "ENCRYPTION_KEYS">,
  purpose: string,
  sealed: Uint8Array,
): Promise<Uint8Array | "untouched" | "unreadable"> {
  if (keyIdOf(sealed) === currentKeyId(ENCRYPTION_KEYS)) return "untouched";
  try {
    return await encrypt(ENCRYPTION_KEYS, purpose, await decrypt(ENCRYPTION_KEYS, purpose, sealed));
  } catch (error) {
    if (error instanceof AppError) return "unreadable";
    throw error;
  }
}
