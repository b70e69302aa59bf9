/**
 * Keeps the URNs of a replayed deployment consistent: removes dangling ones after a refresh, and resolves aliases (cli-protocol §4.8.4).
 */
import { StateError } from "../errors.ts";
import type { ResourceRef } from "./resourceRef.ts";
import { setLinks } from "./resourceRef.ts";
import type { LinkTable } from "./links.ts";
import type { Links } from "../resource.ts";
import { VISIT_COST, Yielder } from "../../bytes/yielder.ts";

/**
 * Removes references to resources that a refresh has removed. One pass is enough, since a resource may only refer to earlier ones. An
 * orphan gets no parent: upstream's comments say that it gets its grandparent, but upstream's code removes the parent.
 */
export async function rebuildDependencies(items: ResourceRef[], table: LinkTable): Promise<void> {
  const yielder = new Yielder();
  const seen = new Set<string>();
  const known = (urns: readonly string[]) => (urns.every((urn) => seen.has(urn)) ? urns : urns.filter((urn) => seen.has(urn)));
  for (const item of items) {
    const links = table.get(item.links);
    setLinks(item, table, links, {
      dependencies: known(links.dependencies),
      propertyDependencies: keepIfSame(
        links.propertyDependencies,
        links.propertyDependencies.map(([key, urns]) => [key, known(urns)] as const).filter(([, urns]) => urns.length > 0),
      ),
      replaceWith: known(links.replaceWith),
      deletedWith: seen.has(links.deletedWith) ? links.deletedWith : "",
    });
    seen.add(links.urn);
    const wait = yielder.spend(VISIT_COST);
    if (wait) await wait;
  }
  for (const item of items) if (!seen.has(table.parent(item.links))) setLinks(item, table, table.get(item.links), { parent: "" });
}

type PropertyDependencies = Links["propertyDependencies"];

function keepIfSame(before: PropertyDependencies, after: PropertyDependencies): PropertyDependencies {
  return before.length === after.length && before.every(([, urns], i) => urns === after[i]![1]) ? before : after;
}

/**
 * Replaces aliases by the URNs of their resources everywhere, and removes the aliases. Returns the URNs by alias, for the snippets;
 * undefined when no resource has aliases. Throws StateError when two resources have the same alias.
 */
export async function normalizeUrns(items: ResourceRef[], table: LinkTable): Promise<ReadonlyMap<string, string> | undefined> {
  if (!items.some(({ facts, links }) => facts!.hasAliases && table.get(links).aliases.length > 0)) return undefined;
  const yielder = new Yielder();
  const aliased = aliasesOf(items, table);
  const urn = (name: string) => aliased.get(name) ?? name;
  const urns = (names: readonly string[]) => (names.some((name) => urn(name) !== name) ? names.map(urn) : names);
  for (const item of items) {
    const links = table.get(item.links);
    setLinks(item, table, links, {
      urn: urn(links.urn),
      parent: urn(links.parent),
      provider: mapProvider(links.provider, urn),
      dependencies: urns(links.dependencies),
      propertyDependencies: keepIfSame(
        links.propertyDependencies,
        links.propertyDependencies.map(([key, names]) => [key, urns(names)] as const),
      ),
      // The client's own replay does not change this member, and then refuses to read the state.
      replaceWith: urns(links.replaceWith),
      deletedWith: urn(links.deletedWith),
      viewOf: urn(links.viewOf),
      aliases: [],
    });
    const wait = yielder.spend(VISIT_COST);
    if (wait) await wait;
  }
  return aliased;
}

function aliasesOf(items: ResourceRef[], table: LinkTable): Map<string, string> {
  const aliased = new Map<string, string>();
  for (const { links } of items) {
    const { urn, parent, aliases } = table.get(links);
    for (const alias of aliases) {
      const other = aliased.get(alias);
      if (other !== undefined && other !== urn)
        throw new StateError(`two resources ('${other}' and '${urn}') have the same alias: '${alias}'`);
      aliased.set(alias, urn);
    }
    // The types of a resource's parents are part of its URN, so it changes with its parent's.
    const movedTo = aliased.get(parent);
    if (movedTo && qualifiedType(movedTo) !== "pulumi:pulumi:Stack") aliased.set(urn, withParent(urn, movedTo));
  }
  return aliased;
}

/** `urn:pulumi:STACK::PROJECT::QUALTYPE::NAME`; the name may itself contain `::`. */
function splitUrn(urn: string) {
  const [stack = "", project = "", qualifiedType = "", ...name] = urn.split("::");
  return { stack, project, qualifiedType, name: name.join("::") };
}

const qualifiedType = (urn: string) => splitUrn(urn).qualifiedType;

function withParent(urn: string, parent: string): string {
  const { stack, project, qualifiedType: own, name } = splitUrn(urn);
  const type = own.slice(own.lastIndexOf("$") + 1);
  return `${stack}::${project}::${qualifiedType(parent)}$${type}::${name}`;
}

function mapProvider(provider: string, urn: (name: string) => string): string {
  const cut = provider.lastIndexOf("::");
  return cut < 0 ? provider : urn(provider.slice(0, cut)) + provider.slice(cut);
}
