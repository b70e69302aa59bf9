import { fromBase64url } from "./base64.ts";

interface MasterKey {
  /** 0 to 255. */
  id: number;
  key: Uint8Array<ArrayBuffer>;
}

/**
 * The master keys in the setting `ENCRYPTION_KEYS`: `id:base64url` separated by commas, 32 bytes each. The first one encrypts and signs;
 * the others only decrypt and verify.
 * @throws when the setting is malformed
 */
export function masterKeysOf(setting: string): MasterKey[] {
  return setting.split(",").map((entry) => {
    const [id, value] = entry.trim().split(":", 2);
    const key = fromBase64url(value ?? "");
    if (!/^\d{1,3}$/.test(id ?? "") || Number(id) > 255 || key.length !== 32) throw new Error("ENCRYPTION_KEYS is malformed");
    return { id: Number(id), key };
  });
}
