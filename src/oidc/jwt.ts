import { fromBase64url, tryFromBase64 } from "../bytes/base64.ts";
import { decodeUtf8 } from "../bytes/utf8.ts";
import { shapeFault } from "../state/shape.ts";
import type { Claims } from "./claims.ts";
import { algorithms } from "./keys.ts";

/** Maximum number of characters of a token, and of levels of its claims. */
export const MOST_CHARACTERS = 8 * 1024;
const MOST_LEVELS = 16;

/** The parts of a token before its signature was checked: nothing but the look-up of its issuer may rest on them. */
export interface UncheckedToken {
  issuer: string;
  kid: string | undefined;
  claims: Claims;
}

/** @returns the parts of a token, or a sentence about what is wrong */
export function readToken(token: string): UncheckedToken | string {
  if (token.length > MOST_CHARACTERS) return `The token has more than ${MOST_CHARACTERS} characters.`;
  const parts = token.split(".");
  if (parts.length !== 3) return "The token is not a signed JWT.";
  const [header, claims] = parts.slice(0, 2).map(readPart);
  if (!header || !claims) return "The token is not a JWT: its header and its claims must be JSON objects without repeated members.";
  if (typeof header["alg"] !== "string" || !algorithms.includes(header["alg"]))
    return `The token's algorithm must be one of ${algorithms.join(", ")}.`;
  if (header["crit"] !== undefined) return "The token's header demands extensions (crit), and none is supported.";
  const { kid } = header;
  if (kid !== undefined && (typeof kid !== "string" || kid.length > 500)) return "The token's key id (kid) is not valid.";
  if (typeof claims["iss"] !== "string") return "The token has no issuer (iss).";
  return { issuer: claims["iss"], kid, claims };
}

function readPart(part: string): Claims | undefined {
  try {
    const text = decodeUtf8(tryFromBase64(part, fromBase64url) ?? new Uint8Array());
    if (shapeFault(text, MOST_LEVELS) !== undefined) return undefined;
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject && !hasRepeatedMember(text) ? (value as Claims) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether an object of a valid JSON text has two members of one name: the issuer may mean one, and a parser takes the other. */
function hasRepeatedMember(text: string): boolean {
  const open: (Set<string> | undefined)[] = [];
  for (const [token, name] of text.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[{}[\]]/g)) {
    if (name !== undefined) {
      const members = open.at(-1);
      const decoded = JSON.parse(name) as string;
      if (members?.has(decoded)) return true;
      members?.add(decoded);
    } else if (token === "{") open.push(new Set());
    else if (token === "[") open.push(undefined);
    else if (token === "}" || token === "]") open.pop();
  }
  return false;
}
