import { invalid } from "./fault.ts";
import { type Comparison, bare, parseFilter } from "./filter.ts";
import { isObject, membersOf } from "./members.ts";

/** Where an operation of a PATCH changes something: an attribute, those of its elements that match, and a sub-attribute. Names are in lower case. */
export interface Target {
  attribute: string;
  /** Undefined without brackets. */
  among: Comparison[] | undefined;
  sub: string | undefined;
}

/** One change of a PATCH. An operation without a path is one change for each member of its value. */
export interface Change {
  op: "add" | "replace" | "remove";
  target: Target;
  /** Undefined only if it is absent: that is a difference for `remove` (identity-facts C-7). */
  value: unknown;
}

const MOST_OPERATIONS = 10_000;
const MOST_PATH = 1000;

/**
 * Reads the operations of a PATCH in all forms that clients send: `op` in upper or lower case, no path, dotted names and URNs as names of
 * members (identity-facts C-1 to C-3). It changes nothing, so a fault in the last operation leaves nothing done.
 * @param urns the URNs, in lower case, of extensions whose members a value may contain
 * @throws 400
 */
export function readChanges(body: unknown, urns: readonly string[] = []): Change[] {
  if (!isObject(body)) throw invalid("invalidSyntax", "The body of a PATCH must be a JSON object with a list of Operations.");
  const operations = membersOf(body).get("operations");
  if (!Array.isArray(operations) || operations.length === 0)
    throw invalid("invalidSyntax", "A PATCH must have a list of Operations that is not empty.");
  if (operations.length > MOST_OPERATIONS) throw invalid("tooMany", `A PATCH has at most ${MOST_OPERATIONS} operations.`);
  return operations.flatMap((operation) => changesOf(operation, urns));
}

function changesOf(operation: unknown, urns: readonly string[]): Change[] {
  if (!isObject(operation)) throw invalid("invalidSyntax", "Each operation must be a JSON object.");
  const members = membersOf(operation);
  const op = String(members.get("op")).toLowerCase();
  if (op !== "add" && op !== "replace" && op !== "remove")
    throw invalid("invalidSyntax", "The op of an operation must be add, replace or remove.");
  const [path, value] = [members.get("path"), members.get("value")];
  if (op !== "remove" && value === undefined) throw invalid("invalidValue", "An operation that adds or replaces must have a value.");
  if (path !== undefined && path !== null && path !== "") return [{ op, target: readPath(path), value }];
  if (op === "remove") throw invalid("noTarget", "An operation that removes must have a path.");
  if (!isObject(value)) throw invalid("invalidValue", "The value of an operation without a path must be a JSON object.");
  return Object.keys(value).flatMap((name): Change[] => {
    const part = value[name];
    // The members of an extension are one level deeper.
    if (urns.includes(name.toLowerCase()) && isObject(part))
      return Object.keys(part).map((inner) => ({ op, target: readPath(`${name}:${inner}`), value: part[inner] }));
    return [{ op, target: readPath(name), value: part }];
  });
}

/** Reads a path such as `name.givenName` or `emails[type eq "work"].value`. @throws 400 */
export function readPath(path: unknown): Target {
  if (typeof path !== "string" || path.length > MOST_PATH) throw noPath("a text of at most 1000 characters");
  const open = path.indexOf("[");
  const close = path.lastIndexOf("]");
  if (open < 0) {
    const [, attribute = "", sub] = /^(urn:.+:\w+|[^.]+)(?:\.([\w$-]+))?$/.exec(bare(path.trim())) ?? [];
    if (attribute === "") throw noPath(path);
    return { attribute, among: undefined, sub };
  }
  const [, sub] = /^(?:\.([A-Za-z]\w*))?$/.exec(path.slice(close + 1).trim()) ?? [];
  if (close < open || (sub === undefined && path.slice(close + 1).trim() !== "")) throw noPath(path);
  return { attribute: bare(path.slice(0, open).trim()), among: parseFilter(path.slice(open + 1, close)), sub: sub?.toLowerCase() };
}

export const noPath = (path: string) => invalid("invalidPath", `The path "${path.slice(0, 100)}" names no attribute of this resource.`);
