/** Mends the order of a state whose journal has a hole; a whole journal never needs it. */
import type { Item } from "./item.ts";
import type { LinkTable } from "./links.ts";
import type { Links } from "./resource.ts";

/**
 * Puts each resource behind those that it refers to: after a hole a new one may stand before its old, unchanged provider, and the CLI
 * refuses to read that. Resources of the base stream keep their places, for they are written as they pass by; the others wait
 * for what they refer to, and come in their order as soon as it is there.
 */
export function behindReferences(items: Item[], table: LinkTable): Item[] {
  const all = new Set(items.map(({ links }) => table.urn(links)));
  const placed: Item[] = [];
  const seen = new Set<string>();
  const awaited = new Set<string>();
  let waiting: Item[] = [];
  const missing = (item: Item) => referencesOf(table.get(item.links)).filter((urn) => !seen.has(urn) && all.has(urn));
  const place = (item: Item) => {
    placed.push(item);
    seen.add(table.urn(item.links));
  };
  for (const item of items) {
    const unmet = typeof item.from === "number" ? [] : missing(item);
    if (unmet.length > 0) {
      waiting.push(item);
      for (const urn of unmet) awaited.add(urn);
      continue;
    }
    place(item);
    if (!awaited.has(table.urn(item.links))) continue;
    for (let before = -1; before !== waiting.length;) {
      before = waiting.length;
      waiting = waiting.filter((other) => {
        const stays = missing(other).length > 0;
        if (!stays) place(other);
        return stays;
      });
    }
  }
  return [...placed, ...waiting];
}

function referencesOf({ urn, parent, provider, dependencies, propertyDependencies, replaceWith, deletedWith }: Links): string[] {
  const all = [parent, provider.slice(0, Math.max(provider.lastIndexOf("::"), 0)), deletedWith, ...replaceWith, ...dependencies];
  for (const [, urns] of propertyDependencies) all.push(...urns);
  return all.filter((other) => other !== "" && other !== urn);
}
