import { fromBase64, toBase64 } from "../bytes/base64.ts";
import type { Bindings } from "../env.ts";
import { currentKeyId, decrypt, encrypt, keyIdOf } from "../secrets/cipher.ts";
import type { Credentials } from "./destination.ts";

/** The key of a stream's credentials. No stack has such an id. */
export const keyNameOf = (streamId: string) => `audit stream ${streamId}`;

/** Encrypts credentials for the stream's row. */
export async function seal({ ENCRYPTION_KEYS }: Bindings, streamId: string, credentials: Credentials): Promise<string> {
  return toBase64(await encrypt(ENCRYPTION_KEYS, keyNameOf(streamId), new TextEncoder().encode(JSON.stringify(credentials))));
}

/** @returns undefined when the master key of the credentials is no longer in the settings */
export async function open({ ENCRYPTION_KEYS }: Bindings, streamId: string, sealed: string): Promise<Credentials | undefined> {
  try {
    const text = new TextDecoder().decode(await decrypt(ENCRYPTION_KEYS, keyNameOf(streamId), fromBase64(sealed)));
    return JSON.parse(text) as Credentials;
  } catch {
    return undefined;
  }
}

/** Whether the credentials were encrypted with an older master key than the current one. */
export const isSealedWithOldKey = ({ ENCRYPTION_KEYS }: Bindings, sealed: string): boolean =>
  keyIdOf(fromBase64(sealed)) !== currentKeyId(ENCRYPTION_KEYS);
