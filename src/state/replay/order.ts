/** Mends the order of a state whose journal has a hole; a whole journal never needs it. */
import type { ResourceRef } from "./resourceRef.ts";
import type { LinkTable } from "./links.ts";
import type { Links } from "../resource.ts";

/** A resource that waits, and how many of the URNs that it refers to are still to come. */
interface Waiting {
  item: ResourceRef;
  unmet: number;
}

/**
 * Puts each resource behind those that it refers to: after a hole a new one may stand before its old, unchanged provider, and the CLI
 * refuses to read that. Resources of the base stream keep their places, for they are written as they pass by; the others wait
 * for what they refer to, and come in their order as soon as it is there. Time and memory grow with the number of references.
 */
export function behindReferences(items: ResourceRef[], table: LinkTable): ResourceRef[] {
  const all = new Set(items.map(({ links }) => table.urn(links)));
  const placed: ResourceRef[] = [];
  const seen = new Set<string>();
  const waiting = new Set<Waiting>();
  /** By the URN that they wait for. */
  const waitingFor = new Map<string, Waiting[]>();

  /** Places an item, then those that waited for it only, and so on. */
  const place = (first: ResourceRef) => {
    const ready = [first];
    for (const item of ready) {
      placed.push(item);
      const urn = table.urn(item.links);
      seen.add(urn);
      for (const other of waitingFor.get(urn) ?? []) {
        if (--other.unmet > 0) continue;
        waiting.delete(other);
        ready.push(other.item);
      }
      waitingFor.delete(urn);
    }
  };
  for (const item of items) {
    const unmet = typeof item.from === "number" ? undefined : unmetReferences(table.get(item.links), all, seen);
    if (!unmet || unmet.size === 0) {
      place(item);
      continue;
    }
    const entry = { item, unmet: unmet.size };
    waiting.add(entry);
    for (const urn of unmet) {
      const others = waitingFor.get(urn);
      if (others) others.push(entry);
      else waitingFor.set(urn, [entry]);
    }
  }
  for (const { item } of waiting) placed.push(item);
  return placed;
}

/** URNs of other resources of the state that are not in `seen`, each once. */
function unmetReferences(links: Links, all: ReadonlySet<string>, seen: ReadonlySet<string>): Set<string> {
  const unmet = new Set<string>();
  const add = (urn: string) => {
    if (urn !== links.urn && all.has(urn) && !seen.has(urn)) unmet.add(urn);
  };
  add(links.parent);
  add(links.provider.slice(0, Math.max(links.provider.lastIndexOf("::"), 0)));
  add(links.deletedWith);
  for (const urn of links.replaceWith) add(urn);
  for (const urn of links.dependencies) add(urn);
  for (const [, urns] of links.propertyDependencies) for (const urn of urns) add(urn);
  return unmet;
}
