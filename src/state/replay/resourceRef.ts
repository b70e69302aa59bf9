/** Refers to a resource of the new deployment: the position of its text, and the changes to it. */
import { goJson } from "../goFormat.ts";
import type { Edits, Range } from "../json/json.ts";
import type { LinkTable, LinksAt } from "./links.ts";
import type { Facts, Links } from "../resource.ts";

/** Position of a text in the journal: the batch, and the range of bytes in it. */
export interface Ref extends Range {
  batch: number;
}

export interface ResourceRef {
  /** A text in the journal, or a position among the resources of the base stream. */
  from: Ref | number;
  /** Null until the text is read, for a base resource in a replay that reads the base only once. */
  facts: Facts | null;
  links: LinksAt;
  edits: Edits | null;
}

export function edit(item: ResourceRef, member: string, text: string | null): void {
  (item.edits ??= new Map()).set(member, text);
}

/** Sets the links that differ from `before`, the item's current links. An empty one is removed from the resource, as Go's JSON omits it. */
export function setLinks(item: ResourceRef, table: LinkTable, before: Links, changes: Partial<Links>): void {
  let differ = false;
  for (const [member, value] of Object.entries(changes) as [keyof Links, Links[keyof Links]][]) {
    if (value === before[member] || (value.length === 0 && before[member].length === 0)) continue;
    differ = true;
    edit(item, member, value.length === 0 ? null : toJson(member, value));
    if (member === "replaceWith" && value.length === 0) dropFeature(item, "replaceWith");
  }
  if (differ) item.links = table.add({ ...before, ...changes });
}

function toJson(member: keyof Links, value: Links[keyof Links]): string {
  if (member !== "propertyDependencies") return goJson(value);
  return goJson(Object.fromEntries(value as Links["propertyDependencies"]));
}

function dropFeature(item: ResourceRef, feature: string): void {
  item.facts = { ...item.facts!, features: item.facts!.features.filter((name) => name !== feature) };
}
