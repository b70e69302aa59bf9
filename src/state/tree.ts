/** Reads the first resources of a state in short form, and counts the others, for a tree on a page. Pure. */
import { decodeText, membersOf } from "./json/json.ts";
import { resourcesOf } from "./resources.ts";

export interface Branch {
  urn: string;
  type: string;
  name: string;
  /** "" when there is none. */
  parent: string;
  id: string;
  custom: boolean;
  /** It will be deleted, because another resource has replaced it. */
  leaving: boolean;
  dependencies: string[];
}

/** Maximum number of bytes of one member; a longer one counts as absent. No normal name is so long. */
const MEMBER = 4096;
const DEPENDENCIES = 64 * 1024;

/** In a state parents come before their children, so the first resources are a tree. */
export async function treeOf(state: AsyncIterable<Uint8Array>, most: number): Promise<{ resources: Branch[]; more: number }> {
  const resources: Branch[] = [];
  let more = 0;
  for await (const text of resourcesOf(state)) {
    const branch = resources.length < most ? branchOf(membersOf(text)) : undefined;
    if (branch) resources.push(branch);
    else more++;
  }
  return { resources, more };
}

/** @returns undefined for a resource without a URN */
export function branchOf(members: Map<string, Uint8Array>): Branch | undefined {
  const value = (name: string, limit = MEMBER): unknown => {
    const text = members.get(name);
    return text && text.length <= limit ? JSON.parse(decodeText(text)) : undefined;
  };
  const text = (name: string) => {
    const found = value(name);
    return typeof found === "string" ? found : "";
  };
  const urn = text("urn");
  if (urn === "") return undefined;
  const dependencies = value("dependencies", DEPENDENCIES);
  return {
    urn,
    type: text("type"),
    name: urn.split("::").slice(3).join("::"),
    parent: text("parent"),
    id: text("id"),
    custom: value("custom") === true,
    leaving: value("delete") === true,
    dependencies: Array.isArray(dependencies) ? dependencies.filter((its) => typeof its === "string") : [],
  };
}
