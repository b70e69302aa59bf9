/** Corrects the order of a state whose journal has missing entries. A complete journal does not need it. */
import type { ResourceRef } from "./resourceRef.ts";
import type { LinkTable } from "./links.ts";
import type { Links } from "../resource.ts";

/** A resource that waits, and the number of URNs that it refers to and that are not placed yet. */
interface Waiting {
  item: ResourceRef;
  unmet: number;
}

/**
 * Places each resource after the resources that it refers to. If entries are missing, a new resource may come before its unchanged
 * provider, and the CLI refuses such a state. Resources of the base stream keep their order, because they are written while the base is
 * read. The others wait until all resources that they refer to are placed. Time and memory grow with the number of references.
 */
export function behindReferences(items: ResourceRef[], table: LinkTable): ResourceRef[] {
  const all = new Set(items.map(({ links }) => table.urn(links)));
  const placed: ResourceRef[] = [];
  const seen = new Set<string>();
  const waiting = new Set<Waiting>();
  /** Waiting resources by the URN that they wait for. */
  const waitingFor = new Map<string, Waiting[]>();

  /** Places an item, then the items that waited only for it, and so on. */
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

/** The URNs of other resources of the state that the resource refers to and that are not in `seen`, each once. */
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
