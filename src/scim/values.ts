import { invalidValue } from "./fault.ts";
import { isObject, membersOf } from "./members.ts";

const MOST_TEXT = 256;

/** A text of a resource. An empty text counts as absent. @throws 400 `invalidValue` */
export function textOf(name: string, value: unknown, most = MOST_TEXT): string | null {
  const plain = unwrapped(value);
  if (plain === null || plain === undefined || plain === "") return null;
  if (typeof plain !== "string") throw invalidValue(`${name} is a text.`);
  if (plain.length > most) throw invalidValue(`${name} has at most ${most} characters.`);
  if (!plain.isWellFormed() || /\p{Cc}/u.test(plain)) throw invalidValue(`${name} has characters that are not allowed.`);
  return plain;
}

/** A text that must be there. @throws 400 `invalidValue` */
export function requiredText(name: string, value: unknown): string {
  const text = textOf(name, value)?.trim();
  if (!text) throw invalidValue(`${name} is required.`);
  return text;
}

/** A boolean, also as the text that Entra sends (identity-facts C-2). @throws 400 `invalidValue` */
export function booleanOf(name: string, value: unknown): boolean {
  const plain = unwrapped(value);
  if (typeof plain === "boolean") return plain;
  if (typeof plain === "string" && /^(true|false)$/i.test(plain)) return plain.toLowerCase() === "true";
  throw invalidValue(`${name} is true or false.`);
}

/** Entra may send a list with one element for a single value, and an object with a `value`. */
function unwrapped(value: unknown): unknown {
  const one = Array.isArray(value) && value.length === 1 ? (value[0] as unknown) : value;
  return isObject(one) ? (membersOf(one).get("value") ?? one) : one;
}
