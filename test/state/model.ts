/**
 * The replay of cli-protocol §4.8.4 in the simplest way: with parsed objects, all in memory, and in the order of the specification. It
 * shares no code with src/state, so that it can be compared with it.
 */
import { createHash } from "node:crypto";

// oxlint-disable-next-line typescript/no-explicit-any -- parsed JSON of many shapes
type Obj = Record<string, any>;

export class AliasConflict extends Error {}

const FEATURES: [string, (r: Obj) => boolean][] = [
  ["refreshBeforeUpdate", (r) => r.refreshBeforeUpdate === true],
  ["views", (r) => !!r.viewOf],
  ["hooks", (r) => Object.keys(r.resourceHooks ?? {}).length > 0],
  ["taint", (r) => r.taint === true],
  ["replaceWith", (r) => (r.replaceWith ?? []).length > 0],
  ["extensionParameterization", (r) => !!r.extensionRef],
  ["snippets-prototype", (r) => !!r.snippetID],
];

export function modelReplay(baseText: string | null, entries: Obj[], manifestTime: string, cliVersion: string) {
  const untyped: Obj = baseText === null ? {} : JSON.parse(baseText);
  let base: Obj = untyped.deployment ?? {};
  let news: Obj[] = [];
  let indexOf = new Map<number, number>();
  let dropNew = new Set<number>();
  let dropOld = new Set<number>();
  let replaceOld = new Map<number, Obj>();
  let markDelete = new Set<number>();
  let markPending = new Set<number>();
  let open = new Map<number, Obj>();
  let extensions = new Map<string, unknown>();
  let refreshed = false;
  let byteString = false;

  const copy = (value: Obj): Obj => structuredClone(value);
  /** Resources that are still those of the base keep their order. */
  const fixed = new Set<Obj>(base.resources ?? []);
  const ids = new Set(entries.map((e) => e.sequenceID));
  const hole = ids.size > 0 && Math.max(...ids) > ids.size;

  function generate() {
    let resources: Obj[] = [];
    news.forEach((r, i) => {
      if (![...dropNew].some((op) => indexOf.get(op) === i)) resources.push(r);
    });
    (base.resources ?? []).forEach((r: Obj, i: number) => {
      if (dropOld.has(i)) return;
      if (markPending.has(i)) r.pendingReplacement = true;
      if (replaceOld.has(i)) return void resources.push(replaceOld.get(i)!);
      if (markDelete.has(i)) r.delete = true;
      resources.push(r);
    });
    if (hole) resources = behindReferences(resources, fixed);
    const pending = [...open]
      .sort(([a], [b]) => a - b)
      .map(([, e]) => e.operation)
      .filter((o) => o);
    pending.push(...(base.pending_operations ?? []).filter((o: Obj) => o.type === "creating"));
    if (refreshed) rebuildDependencies(resources);

    const { integrity_error: _, ...metadata } = base.metadata ?? {};
    const version = cliVersion || base.manifest?.version || "";
    const magic = version === "" ? "" : createHash("sha256").update(version).digest("hex");
    const all = Object.fromEntries([...extensions, ...Object.entries(base.extensions ?? {})]);
    const deployment: Obj = { ...base, manifest: { time: manifestTime, magic, version }, metadata };
    const set = (key: string, value: unknown, there: boolean) => (there ? (deployment[key] = value) : delete deployment[key]);
    set("resources", resources, resources.length > 0);
    set("secrets_providers", base.secrets_providers, base.secrets_providers != null);
    set("pending_operations", pending, pending.length > 0);
    set("snippets", base.snippets, (base.snippets ?? []).length > 0);
    set("extensions", all, Object.keys(all).length > 0);

    const features = new Set<string>((untyped.features ?? []).filter((name: string) => !FEATURES.some(([derived]) => derived === name)));
    for (const r of [...resources, ...pending.map((o: Obj) => o.resource)])
      for (const [name, has] of FEATURES) if (has(r)) features.add(name);
    if (byteString) features.add("byteString");
    if (deployment.snippets) features.add("snippets-prototype");
    normalize(deployment);
    return { deployment, features: [...features].sort() };
  }

  for (const e of [...new Map(entries.map((e) => [e.sequenceID, e])).values()].sort((a, b) => a.sequenceID - b.sequenceID)) {
    const has = (name: string) => e[name] !== undefined && e[name] !== null;
    const state = () => copy(e.state);
    if (e.requiresByteString) byteString = true;
    switch (e.kind) {
      case 0:
        open.set(e.operationID, e);
        break;
      case 1:
        open.delete(e.operationID);
        if (has("state")) {
          indexOf.set(e.operationID, news.length);
          news.push(state());
        }
        if (has("removeOld")) dropOld.add(e.removeOld);
        if (has("removeNew")) dropNew.add(e.removeNew);
        if (has("deleteOld")) markDelete.add(e.deleteOld);
        if (has("deleteNew") && indexOf.has(e.deleteNew)) news[indexOf.get(e.deleteNew)!]!.delete = true;
        if (has("pendingReplacementOld")) markPending.add(e.pendingReplacementOld);
        if (has("pendingReplacementNew") && indexOf.has(e.pendingReplacementNew))
          news[indexOf.get(e.pendingReplacementNew)!]!.pendingReplacement = true;
        if (e.isRefresh) refreshed = true;
        break;
      case 2:
        open.delete(e.operationID);
        break;
      case 3:
        open.delete(e.operationID);
        refreshed = true;
        if (has("removeOld")) {
          if (has("state")) replaceOld.set(e.removeOld, state());
          else dropOld.add(e.removeOld);
        }
        if (has("removeNew")) {
          if (!has("state")) dropNew.add(e.removeNew);
          else if (indexOf.has(e.removeNew)) news[indexOf.get(e.removeNew)!] = state();
        }
        break;
      case 4:
        if (has("state") && has("removeOld")) replaceOld.set(e.removeOld, state());
        if (has("state") && has("removeNew") && indexOf.has(e.removeNew)) news[indexOf.get(e.removeNew)!] = state();
        break;
      case 5:
        base = copy(e.newSnapshot);
        break;
      case 6: {
        const [a, b] = [base.secrets_providers, e.secretsProvider];
        if (b && (!a || a.type !== b.type || JSON.stringify(a.state) !== JSON.stringify(b.state))) base.secrets_providers = b;
        break;
      }
      case 7:
        base = generate().deployment;
        news = [];
        indexOf = new Map();
        dropNew = new Set();
        dropOld = new Set();
        replaceOld = new Map();
        markDelete = new Set();
        markPending = new Set();
        open = new Map();
        extensions = new Map();
        break;
      case 8:
        extensions.set(e.extensionRef, e.extension);
        break;
      case 9:
        base.snippets = e.snippets && copy(e.snippets);
    }
  }

  const { deployment, features } = generate();
  const { version: _, features: __, deployment: ___, isInvalid: ____, ...rest } = untyped;
  return { ...rest, version: features.length > 0 ? 4 : 3, ...(features.length > 0 && { features }), deployment } as Obj;
}

/** This is not in the specification: it corrects the order when entries are missing. */
function behindReferences(resources: Obj[], fixed: Set<Obj>): Obj[] {
  const out: Obj[] = [];
  let left: Obj[] = [];
  const isFree = (r: Obj) =>
    [
      r.parent,
      r.provider?.split("::").slice(0, -1).join("::"),
      r.deletedWith,
      ...(r.replaceWith ?? []),
      ...(r.dependencies ?? []),
      ...Object.values<string[]>(r.propertyDependencies ?? {}).flat(),
    ]
      .filter((u) => u && u !== r.urn)
      .every((u) => out.some((o) => o.urn === u) || !resources.some((o) => o.urn === u));
  for (const r of resources) {
    if (!fixed.has(r) && !isFree(r)) {
      left.push(r);
      continue;
    }
    const ready = [r];
    for (const next of ready) {
      out.push(next);
      const free = left.filter(isFree);
      ready.push(...free);
      left = left.filter((other) => !free.includes(other));
    }
  }
  return [...out, ...left];
}

function rebuildDependencies(resources: Obj[]) {
  const seen = new Set<string>();
  const keep = (urns: string[]) => urns.filter((u) => seen.has(u));
  const orDelete = (r: Obj, key: string, value: unknown, there: boolean) => (there ? (r[key] = value) : delete r[key]);
  for (const r of resources) {
    if (r.dependencies?.length) orDelete(r, "dependencies", keep(r.dependencies), keep(r.dependencies).length > 0);
    if (r.propertyDependencies && Object.keys(r.propertyDependencies).length > 0) {
      const kept = Object.entries<string[]>(r.propertyDependencies)
        .map(([key, urns]) => [key, keep(urns)] as const)
        .filter(([, urns]) => urns.length > 0);
      orDelete(r, "propertyDependencies", Object.fromEntries(kept), kept.length > 0);
    }
    if (r.replaceWith?.length) orDelete(r, "replaceWith", keep(r.replaceWith), keep(r.replaceWith).length > 0);
    if (r.deletedWith && !seen.has(r.deletedWith)) delete r.deletedWith;
    seen.add(r.urn);
  }
  for (const r of resources) if (r.parent && !seen.has(r.parent)) delete r.parent;
}

function normalize(deployment: Obj) {
  const { resources = [] } = deployment as { resources?: Obj[] };
  if (!resources.some((r) => r.aliases?.length)) return;
  const alias = new Map<string, string>();
  const qualifiedType = (u: string) => u.split("::")[2]!;
  for (const r of resources) {
    for (const a of r.aliases ?? []) {
      if (alias.has(a) && alias.get(a) !== r.urn) throw new AliasConflict(a);
      alias.set(a, r.urn);
    }
    const parent = alias.get(r.parent);
    if (parent && qualifiedType(parent) !== "pulumi:pulumi:Stack") {
      const [head, project, type, ...name] = (r.urn as string).split("::");
      alias.set(r.urn, [head, project, `${qualifiedType(parent)}$${type!.split("$").at(-1)}`, ...name].join("::"));
    }
  }
  const map = (u: string) => alias.get(u) ?? u;
  for (const r of resources) {
    for (const key of ["urn", "parent", "deletedWith", "viewOf"]) if (r[key]) r[key] = map(r[key]);
    if (r.provider) {
      const parts = r.provider.split("::");
      const id = parts.pop();
      r.provider = `${map(parts.join("::"))}::${id}`;
    }
    if (r.dependencies) r.dependencies = r.dependencies.map(map);
    // This differs from the specification, which follows a fault of the client's own replay.
    if (r.replaceWith) r.replaceWith = r.replaceWith.map(map);
    if (r.propertyDependencies) {
      r.propertyDependencies = Object.fromEntries(
        Object.entries<string[]>(r.propertyDependencies).map(([key, urns]) => [key, urns.map(map)]),
      );
    }
    if (r.aliases?.length) delete r.aliases;
  }
  for (const s of deployment.snippets ?? []) {
    if (s.references) s.references = Object.fromEntries(Object.entries<string>(s.references).map(([key, u]) => [key, map(u)]));
  }
}
