/** Reads the outputs of a stack, which are those of its root resource. Pure. */
import { decodeString, decodeText, membersOf } from "./json/json.ts";
import { resourcesOf } from "./resources.ts";

/** The JSON text of each output, by name. No other code uses their buffer. */
export type Outputs = Map<string, Uint8Array>;

/** Reads the state up to the root resource, which is the first one in most states. */
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

/** A value for display: a string without quotes, any other value as stored, so that numbers keep their digits. */
export const readable = (json: Uint8Array): string => (json[0] === 0x22 ? decodeString(json, 0, json.length) : decodeText(json));
