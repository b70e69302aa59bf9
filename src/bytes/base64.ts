/**
 * Converts bytes to text and back. It imports no other module, because the offline verifier contains it too. Invalid text throws an error,
 * except in `tryFromBase64`.
 */

/** Methods of newer runtimes, workerd among them. They are a hundred times as fast. */
interface NativeBytes {
  toBase64?: () => string;
  toHex?: () => string;
}
interface NativeClass {
  fromBase64?: (text: string) => Uint8Array<ArrayBuffer>;
}

/** Without the native method it works in pieces, because a call cannot have a large array as its arguments. */
export function toBase64(bytes: Uint8Array & NativeBytes): string {
  if (bytes.toBase64) return bytes.toBase64();
  let text = "";
  for (let i = 0; i < bytes.length; i += 32_768) text += String.fromCharCode(...bytes.subarray(i, i + 32_768));
  return btoa(text);
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const { fromBase64: native } = Uint8Array as NativeClass;
  return native ? native(text) : Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}

/** @returns undefined for text that `read` cannot decode */
export function tryFromBase64(
  text: string,
  read: (text: string) => Uint8Array<ArrayBuffer> = fromBase64,
): Uint8Array<ArrayBuffer> | undefined {
  try {
    return read(text);
  } catch {
    return undefined;
  }
}

/** Encodes as base64url without padding. */
export const toBase64url = (bytes: Uint8Array) => toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

export const fromBase64url = (text: string) => fromBase64(text.replaceAll("-", "+").replaceAll("_", "/"));

/** Encodes as hexadecimal digits in lower case. */
export function toHex(given: ArrayBuffer | Uint8Array): string {
  const bytes: Uint8Array & NativeBytes = new Uint8Array(given);
  return bytes.toHex?.() ?? Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}
