import { AppError, badRequest } from "../errors.ts";
import { encode, membersOf } from "../state/json/json.ts";
import { MOST_VALUES, shapeFault } from "../state/shape.ts";

/** Maximum number of levels of nested lists and objects. */
export const MOST_LEVELS = 1000;

/**
 * Parses the JSON of a body, but refuses a body that would need too much memory: a body of a few kilobytes may expand to millions of
 * values.
 * @throws 400 for invalid JSON or too many levels, 413 for too many values
 */
export function parseJson(text: string): unknown {
  const fault = shapeFault(text, MOST_LEVELS);
  if (fault === "levels") throw badRequest(`the body has more than ${MOST_LEVELS} levels of lists and objects`);
  if (fault === "values") throw new AppError(413, `Request Entity Too Large: the body has more than ${MOST_VALUES} values`);
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest("the body is not valid JSON");
  }
}

/**
 * The text of a member of a body that was parsed as an object, as the client wrote it. Parsing and serializing it again would change numbers and the
 * order of members.
 * @param text the body, which may have white space around the object
 */
export const memberOf = (text: string, name: string): Uint8Array | undefined => membersOf(encode(text.trim())).get(name);
