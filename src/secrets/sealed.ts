import { fromBase64, toBase64 } from "../bytes/base64.ts";
import type { Bindings } from "../env.ts";
import { currentKeyId, decrypt, encrypt, keyIdOf } from "./cipher.ts";

/** Encrypts a value for a row of the database. @param keyName the row's own key, which no stack has as its id */
export async function sealValue({ ENCRYPTION_KEYS }: Bindings, keyName: string, value: unknown): Promise<string> {
  return toBase64(await encrypt(ENCRYPTION_KEYS, keyName, new TextEncoder().encode(JSON.stringify(value))));
}

/** @returns undefined when the master key of the value is no longer in the settings */
export async function openValue<T>({ ENCRYPTION_KEYS }: Bindings, keyName: string, sealed: string): Promise<T | undefined> {
  try {
    return JSON.parse(new TextDecoder().decode(await decrypt(ENCRYPTION_KEYS, keyName, fromBase64(sealed)))) as T;
  } catch {
    return undefined;
  }
}

/** Whether a value was encrypted with an older master key than the current one. */
export const isSealedWithOldKey = ({ ENCRYPTION_KEYS }: Bindings, sealed: string): boolean =>
  keyIdOf(fromBase64(sealed)) !== currentKeyId(ENCRYPTION_KEYS);
