/** Outputs of a stack: those of its root resource. Pure. */
import { decodeString, decodeText, membersOf } from "./json/json.ts";
import { resourcesOf } from "./resources.ts";

/** An output's value as its JSON text; views of a buffer that nobody else keeps. */
export type Outputs = Map<string, Uint8Array>;

/** Reads no further than the root, which most states begin with. */
export async function outputsOf(state: AsyncIterable<Uint8Array>): Promise<Outputs> {
  for await (const text of resourcesOf(state)) {
    const members = membersOf(text);
    const outputs = members.get("outputs");
    const type = members.get("type");
    const isRoot = type !== undefined && decodeText(type) === '"pulumi:pulumi:Stack"' && decodeText(members.get("delete")!) !== "true";
    if (isRoot) return outputs ? membersOf(outputs.slice()) : new Map<string, Uint8Array>();
  }
  return new Map();
}

/** A value for people: a string without its quotes, anything else as it is stored, so that numbers keep their digits. */
export const readable = (json: Uint8Array): string => (json[0] === 0x22 ? decodeString(json, 0, json.length) : decodeText(json));
