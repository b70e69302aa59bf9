/** Finds the objects in a property value that have a signature: secrets, and references to resources (cli-protocol §5.6). */
import { COMMA, OPEN_ARRAY, OPEN_OBJECT, QUOTE, type Range, decodeString, skipSpace, skipValue } from "./json.ts";

export const SIGNATURE = "4dabf18193072939515e22adb298388d";
export const RESOURCE_REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e";
export const SECRET = "1b47061264138c4ac30d75fd1eb44270";

/** An object or array that is being visited. */
interface Frame {
  start: number;
  isObject: boolean;
  isSigned: boolean;
  /** Start of the value of the requested member; 0 when there is none. */
  member: number;
}

/**
 * Visits each object with the signature `signature` in the property value at `start`. `visit` receives the start of the value of its member
 * `name`, and the object's range. An object inside another one comes before it. The sender can choose any depth, so this function has its
 * own stack and no recursion.
 * @returns the end of the value
 */
export function walkSigned(
  bytes: Uint8Array,
  start: number,
  signature: string,
  name: string,
  visit: (value: number, object: Range) => void,
): number {
  const frames: Frame[] = [];
  /** @returns the start of the value of the member at `at` */
  const member = (at: number, frame: Frame): number => {
    const keyEnd = skipValue(bytes, at);
    const key = decodeString(bytes, at, keyEnd);
    const value = skipSpace(bytes, skipSpace(bytes, keyEnd) + 1);
    if (key === name) frame.member = value;
    else if (key === SIGNATURE)
      frame.isSigned = bytes[value] === QUOTE && decodeString(bytes, value, skipValue(bytes, value)) === signature;
    return value;
  };
  let at = start;
  for (;;) {
    const open = bytes[at]!;
    const inside = skipSpace(bytes, at + 1);
    // The closing bracket is the opening one plus two.
    if ((open === OPEN_OBJECT || open === OPEN_ARRAY) && bytes[inside] !== open + 2) {
      const frame = { start: at, isObject: open === OPEN_OBJECT, isSigned: false, member: 0 };
      frames.push(frame);
      at = frame.isObject ? member(inside, frame) : inside;
      continue;
    }
    at = skipSpace(bytes, skipValue(bytes, at));
    while (frames.length > 0 && bytes[at] !== COMMA) {
      const { start: begin, isSigned, member: value } = frames.pop()!;
      if (isSigned && value > 0) visit(value, { start: begin, end: at + 1 });
      at = skipSpace(bytes, at + 1);
    }
    const frame = frames.at(-1);
    if (!frame) return at;
    at = skipSpace(bytes, at + 1);
    if (frame.isObject) at = member(at, frame);
  }
}
