import { invalid } from "./fault.ts";

/** One comparison of a filter; all comparisons of a filter must hold. */
export interface Comparison {
  /** Name of the attribute in lower case, with its sub-attribute: `emails.value`. */
  attribute: string;
  /** The condition on the elements of a list: the brackets of `emails[type eq "work"].value`. */
  among: Comparison[];
  value: string | boolean;
}

/** Maximum number of characters, and of comparisons. */
const MOST_TEXT = 2000;
const MOST_COMPARISONS = 10;

const refuse = (detail: string) => invalid("invalidFilter", `The filter is not supported: ${detail}.`);

/** A name, with a schema's URN before it or not, or a string, a word or a bracket. Strings have the escapes of JSON. */
const token = /\s*(?:([[\]()])|("(?:[^"\\]|\\.)*")|([^\s"[\]()]+))/y;

/** A text of a filter: it is compared as a value, and never as a word of the grammar. */
interface Quoted {
  text: string;
}
type Token = string | Quoted;

function tokensOf(filter: string): Token[] {
  const tokens: Token[] = [];
  token.lastIndex = 0;
  const end = filter.trimEnd().length;
  while (token.lastIndex < end) {
    const found = token.exec(filter);
    if (!found) throw refuse("it has a quotation mark without an end");
    const [, bracket, quoted, word] = found;
    tokens.push(quoted === undefined ? (bracket ?? word ?? "") : { text: unquoted(quoted) });
  }
  return tokens;
}

function unquoted(quoted: string): string {
  try {
    const text = JSON.parse(quoted) as string;
    if (text.isWellFormed() && !text.includes("\0")) return text;
  } catch {
    // A text that cannot be parsed gets the following refusal.
  }
  throw refuse("a text is not valid");
}

/**
 * Parses the filters that clients send: comparisons with `eq`, joined by `and`. Operators may be in upper or lower case, and a text may
 * lack its quotation marks (identity-facts C-20, C-21).
 * @throws 400 `invalidFilter`
 */
export function parseFilter(filter: string): Comparison[] {
  if (filter.length > MOST_TEXT) throw refuse(`it has more than ${MOST_TEXT} characters`);
  const tokens = tokensOf(filter);
  const comparisons = parseAll(tokens);
  if (tokens.length > 0) throw refuse("only comparisons with eq, joined by and, are understood");
  return comparisons;
}

/** Takes comparisons from the front of the tokens, up to a closing bracket. */
function parseAll(tokens: Token[], isInside = false): Comparison[] {
  const comparisons = [parseOne(tokens, isInside)];
  while (typeof tokens[0] === "string" && tokens[0].toLowerCase() === "and") {
    tokens.shift();
    comparisons.push(parseOne(tokens, isInside));
    if (comparisons.length > MOST_COMPARISONS) throw refuse(`it has more than ${MOST_COMPARISONS} comparisons`);
  }
  return comparisons;
}

function parseOne(tokens: Token[], isInside: boolean): Comparison {
  const name = tokens.shift();
  if (typeof name !== "string" || !/^[A-Za-z][\w:.$-]*$/.test(name)) throw refuse("an attribute is expected");
  let attribute = bare(name);
  let among: Comparison[] = [];
  if (tokens[0] === "[" && !isInside) {
    tokens.shift();
    among = parseAll(tokens, true);
    const [end, rest] = [tokens.shift(), tokens[0]];
    if (end !== "]") throw refuse("a bracket has no end");
    if (typeof rest === "string" && /^\.[A-Za-z]\w*$/.test(rest)) attribute += (tokens.shift() as string).toLowerCase();
  }
  const operator = tokens.shift();
  if (typeof operator !== "string" || operator.toLowerCase() !== "eq") throw refuse("eq is the only operator");
  const value = tokens.shift();
  if (value === undefined || value === "[" || value === "]" || value === "(" || value === ")") throw refuse("a value is expected after eq");
  if (typeof value !== "string") return { attribute, among, value: value.text };
  const isBoolean = /^(true|false)$/i.test(value);
  return { attribute, among, value: isBoolean ? value.toLowerCase() === "true" : value };
}

/** A name in lower case, without the URN of its schema. */
export function bare(name: string): string {
  const core = /^urn:ietf:params:scim:schemas:core:2\.0:(?:User|Group):(.+)$/i.exec(name);
  return (core?.[1] ?? name).toLowerCase();
}
