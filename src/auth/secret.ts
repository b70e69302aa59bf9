import { toHex } from "../bytes/base64.ts";
import { AppError } from "../errors.ts";

/**
 * The value of an access token: `pul-` and 40 lowercase hex digits, the format that secret scanners know.
 * The first 32 digits are random, the last 8 are the start of HMAC(pepper, the first 32). So a mistyped or invented value is refused
 * without any I/O.
 */
const shape = /^pul-([0-9a-f]{32})([0-9a-f]{8})$/;
const encoder = new TextEncoder();

const keys = new Map<string, Promise<CryptoKey>>();

function hmacKey(pepper: string): Promise<CryptoKey> {
  let key = keys.get(pepper);
  if (!key) {
    key = crypto.subtle.importKey("raw", encoder.encode(pepper), { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
    keys.set(pepper, key);
  }
  return key;
}

const hmac = async (pepper: string, text: string) => toHex(await crypto.subtle.sign("HMAC", await hmacKey(pepper), encoder.encode(text)));

const checkDigits = async (pepper: string, random: string) => (await hmac(pepper, `check:${random}`)).slice(0, 8);

/** Minimum length of a secret that an operator chooses, in characters, so that it cannot be guessed. */
export const LEAST_SECRET = 32;

/** The current pepper first, then the previous one. Setting: `TOKEN_PEPPER`, one or two values separated by a comma. */
export const peppersOf = (setting: string) =>
  setting
    .split(",")
    .map((p) => p.trim())
    .filter((p) => p !== "");

/** Refuses requests while a pepper is missing or short, because the hashes of tokens could then be guessed. @throws 503 */
export function requirePeppers({ TOKEN_PEPPER = "" }: { TOKEN_PEPPER?: string }): void {
  const peppers = peppersOf(TOKEN_PEPPER);
  if (peppers.length === 0 || peppers.some((pepper) => pepper.length < LEAST_SECRET))
    throw new AppError(503, `Service Unavailable: each value of TOKEN_PEPPER needs at least ${LEAST_SECRET} characters.`);
}

/** A new value and its hash under the current pepper. The value exists only in the answer that returns it. */
export async function newTokenValue(peppers: string[]): Promise<{ value: string; hash: string }> {
  const pepper = peppers[0];
  if (!pepper) throw new Error("TOKEN_PEPPER is not set");
  const random = toHex(crypto.getRandomValues(new Uint8Array(16)));
  const value = `pul-${random}${await checkDigits(pepper, random)}`;
  return { value, hash: await hmac(pepper, value) };
}

/** The hash under which a token's value would be stored, or undefined when its check digits match no active pepper. */
export async function hashTokenValue(peppers: string[], value: string): Promise<string | undefined> {
  const parts = shape.exec(value);
  if (!parts) return undefined;
  for (const pepper of peppers) {
    if ((await checkDigits(pepper, parts[1]!)) === parts[2]) return hmac(pepper, value);
  }
  return undefined;
}
