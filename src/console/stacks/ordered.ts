/** The order of resources in lists. Pure. */
import { sortedNaturally } from "../../http/natural.ts";
import type { Leaf } from "../../state/tree.ts";

type Order = (resources: readonly Leaf[]) => readonly Leaf[];

/** Keeps the result for as long as the list is in memory. The list of a state that was read before is, see `openOutline`. */
function kept(order: Order): Order {
  const results = new WeakMap<readonly Leaf[], readonly Leaf[]>();
  return (resources) => {
    const known = results.get(resources);
    if (known) return known;
    const result = order(resources);
    results.set(resources, result);
    return result;
  };
}

const sorted = (resources: readonly Leaf[]): Leaf[] => sortedNaturally(resources, ({ type, name }) => `${type}\n${name}`);

/** Sorts by type and then by name, in natural order. */
export const byName = kept(sorted);

/** Each resource comes after its parent, and the children of a parent are sorted. A resource whose parent does not come before it in the state is at the top. */
export const asTree = kept((resources) => {
  const below = new Map<string, Leaf[]>();
  const seen = new Set<string>();
  for (const resource of resources) {
    const parent = seen.has(resource.parent) ? resource.parent : "";
    const siblings = below.get(parent);
    if (siblings) siblings.push(resource);
    else below.set(parent, [resource]);
    seen.add(resource.urn);
  }
  const take = (parent: string) => {
    const children = sorted(below.get(parent) ?? []).toReversed();
    // Two resources can have the same URN while one waits for its deletion: their children are shown once.
    below.delete(parent);
    return children;
  };
  const tree: Leaf[] = [];
  const waiting = take("");
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    tree.push(next);
    for (const child of take(next.urn)) waiting.push(child);
  }
  return tree;
});
