import { tryFromBase64 } from "../bytes/base64.ts";
import { badRequest } from "../errors.ts";

/** The bytes of a plaintext or a ciphertext in base64. @throws 400 when the text is not base64 */
export function bytesOf(value: string): Uint8Array {
  const bytes = tryFromBase64(value);
  if (!bytes) throw badRequest("a value is not valid base64");
  return bytes;
}
