/** The key of a secret scanner that the tests' deployment trusts. It was made for this file and has no other use. */
const PRIVATE_KEY =
  "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgBPQLTU5N9FECHcQgTn0QHlFhKyfFK2wWDtMrvYocIfyhRANCAAQp8F5dg85LBpD/1qIDtXNt5vkf55vUpJ8pJ4qtFMlm4cBpxf9j3tS4iBfUXkFahqe8xQihKJHWO00D1dgnCPOx";
const SECRET = "the-scanner-of-these-tests-and-nobody-else";

const encoder = new TextEncoder();
const toHex = (bytes: ArrayBuffer) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** The header of a report that is signed with the shared secret. */
export async function signatureOf(text: string, secret = SECRET): Promise<string> {
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return `sha256=${toHex(await crypto.subtle.sign("HMAC", key, encoder.encode(text)))}`;
}

/** The header of a report that is signed as GitHub's secret scanning does: ECDSA in DER. */
export async function githubSignatureOf(text: string): Promise<string> {
  const pkcs8 = Uint8Array.from(atob(PRIVATE_KEY), (c) => c.charCodeAt(0));
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
  const raw = new Uint8Array(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, encoder.encode(text)));
  const body = [...integer(raw.subarray(0, 32)), ...integer(raw.subarray(32))];
  return btoa(String.fromCharCode(0x30, body.length, ...body));
}

/** A number in DER has no leading zeros, except one that keeps it from being negative. */
function integer(bytes: Uint8Array): number[] {
  const digits = [...bytes];
  while (digits.length > 1 && digits[0] === 0) digits.shift();
  if (digits[0]! >= 0x80) digits.unshift(0);
  return [0x02, digits.length, ...digits];
}
