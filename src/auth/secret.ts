import { toHex } from "../bytes/base64.ts";
import { DIRECTORY, MOST_PLACES } from "../db/placeIds.ts";
import { AppError } from "../errors.ts";

/**
 * The value of an access token: `pul-` and 40 lowercase hex digits, the format that secret scanners know. The first 32 digits are random,
 * the last 8 are a part of HMAC(pepper, the first 32). So a mistyped or invented value is refused without any I/O. The part begins at the
 * digit of the HMAC whose number is that of the token's database; for the directory it is the first digit.
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

const CHECK_DIGITS = 8;
/** All check digits that the random digits may have. */
const checks = (pepper: string, random: string) => hmac(pepper, `check:${random}`);

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

/**
 * A new value and its hash under the current pepper. The value exists only in the answer that returns it.
 * @param place number of the database that stores the token
 */
export async function newTokenValue(peppers: string[], place = DIRECTORY): Promise<{ value: string; hash: string }> {
  const pepper = peppers[0];
  if (!pepper) throw new Error("TOKEN_PEPPER is not set");
  const random = toHex(crypto.getRandomValues(new Uint8Array(16)));
  const value = `pul-${random}${(await checks(pepper, random)).slice(place - 1, place - 1 + CHECK_DIGITS)}`;
  const made = await readTokenValue([pepper], value);
  // By chance the same digits also occur earlier in the HMAC, about once in a hundred million values.
  return made?.place === place ? { value, hash: made.hash } : newTokenValue(peppers, place);
}

/** The hash under which a token's value would be stored, and where. Undefined when its check digits match no active pepper. */
export async function readTokenValue(peppers: string[], value: string): Promise<{ hash: string; place: number } | undefined> {
  const parts = shape.exec(value);
  if (!parts) return undefined;
  for (const pepper of peppers) {
    const place = (await checks(pepper, parts[1]!)).indexOf(parts[2]!) + 1;
    if (place > 0 && place <= MOST_PLACES) return { hash: await hmac(pepper, value), place };
  }
  return undefined;
}

/** The hash alone. */
export const hashTokenValue = async (peppers: string[], value: string): Promise<string | undefined> =>
  (await readTokenValue(peppers, value))?.hash;
