/** Finds one resource of a state, and the resources that depend on it. Pure. */
import { decodeText, membersOf } from "./json/json.ts";
import { storedResources } from "./resources.ts";
import { type Branch, branchOf, seeker } from "./tree.ts";

export interface Around {
  resource: Branch;
  /** The JSON text of each member. */
  members: Map<string, Uint8Array>;
  /** URNs of the first resources that depend on it or are its children, and the number of the others. */
  dependents: string[];
  children: string[];
  more: number;
}

/** @param most the most dependents and children that are named. @returns undefined when the state has no such resource */
export async function lookAround(state: AsyncIterable<Uint8Array>, urn: string, most: number): Promise<Around | undefined> {
  let found: Pick<Around, "resource" | "members"> | undefined;
  const around = { dependents: [] as string[], children: [] as string[], more: 0 };
  const mayName = seeker([urn], false);
  for await (const text of storedResources(state)) {
    if (!mayName(text)) continue;
    const branch = branchOf(membersOf(text));
    if (!branch) continue;
    // If several have the URN, the one that will not be deleted counts.
    if (branch.urn === urn && (!found || !branch.leaving)) found = { resource: branch, members: membersOf(text.slice()) };
    const list = branch.parent === urn ? around.children : branch.dependencies.includes(urn) ? around.dependents : undefined;
    if (!list) continue;
    if (around.dependents.length + around.children.length < most) list.push(branch.urn);
    else around.more++;
  }
  return found && { ...found, ...around };
}

/** The members of an object, or none for any other value. */
export function propertiesOf(members: Map<string, Uint8Array>, name: "inputs" | "outputs"): Map<string, Uint8Array> {
  const text = members.get(name);
  return text && decodeText(text.subarray(0, 1)) === "{" ? membersOf(text) : new Map<string, Uint8Array>();
}
