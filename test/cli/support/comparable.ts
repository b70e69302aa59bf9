import { expect } from "vitest";

interface Resource {
  urn: string;
  delete?: boolean;
  parent?: string;
  provider?: string;
  dependencies?: string[];
  propertyDependencies?: Record<string, string[]>;
}

interface State {
  deployment: { manifest: unknown; secrets_providers?: unknown; resources?: Resource[] };
}

/**
 * A state without the parts that always differ: the version of the CLI, times, ids, ciphertexts, the secrets provider, and the order in
 * which independent resources were made.
 * @param names the name of each stack and organization in this run, with its placeholder
 */
export function comparable(text: string, names: Record<string, string>): unknown {
  const renamed = Object.entries(names).reduce((sum, [name, placeholder]) => sum.replaceAll(name, placeholder), text);
  const state = JSON.parse(renamed, (key, value: unknown) => {
    if (typeof value !== "string") return value;
    return ["created", "modified", "ciphertext"].includes(key) ? `(${key})` : value.replace(RANDOM_ID, "(id)");
  }) as State;
  const { resources = [], manifest: _manifest, secrets_providers: _provider, ...others } = state.deployment;
  expectUsableOrder(resources);
  for (const resource of resources) {
    // A property without dependencies is listed with an empty list, or not at all.
    const dependent = Object.entries(resource.propertyDependencies ?? {}).filter(([, urns]) => urns.length > 0);
    resource.propertyDependencies = Object.fromEntries(dependent);
    resource.dependencies?.sort();
  }
  resources.sort((a, b) => (`${a.urn} ${a.delete}` < `${b.urn} ${b.delete}` ? -1 : 1));
  return { ...state, deployment: { ...others, resources } };
}

/** Providers have random ids: at the end of `URN::ID`, and alone. */
const RANDOM_ID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The engine only accepts a state in which each resource comes after those that it needs. */
function expectUsableOrder(resources: Resource[]): void {
  const seen = new Set<string>();
  for (const { urn, parent, provider, dependencies = [] } of resources) {
    const needs = [...dependencies, ...(parent ? [parent] : []), ...(provider ? [provider.slice(0, provider.lastIndexOf("::"))] : [])];
    for (const need of needs) expect(seen, `${urn} comes before ${need}`).toContain(need);
    seen.add(urn);
  }
}
