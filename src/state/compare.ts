/**
 * Compares two states: which resources were added, removed and changed, property by property. Both are read as streams, and of most resources
 * only a hash is kept. Values that are secret or contain a secret are never returned. Pure.
 */
import { createHash } from "node:crypto";
import { propertiesOf } from "./around.ts";
import { holdsSecret } from "./ciphertexts.ts";
import { membersOf, sameBytes } from "./json/json.ts";
import { readable } from "./outputs.ts";
import { resourcesOf } from "./resources.ts";
import { branchOf } from "./tree.ts";

export interface ComparedResource {
  urn: string;
  type: string;
  name: string;
  /** The resource waits for its deletion, because another resource has replaced it. */
  leaving: boolean;
}

export interface PropertyChange {
  /** `inputs.size`, `outputs.url`, `id`. */
  name: string;
  /** Undefined if the property was not there before, or is not there afterwards. */
  before: Shown | undefined;
  after: Shown | undefined;
}

/** A value that may be shown, or the fact that it is secret or contains a secret. */
export type Shown = { text: string } | { isSecret: true };

export interface ChangedResource extends ComparedResource {
  /** Empty if only the order or the spelling of the members differs. Undefined if the resource is too large, or too many have changed. */
  properties: PropertyChange[] | undefined;
}

export interface Comparison {
  added: Some<ComparedResource>;
  removed: Some<ComparedResource>;
  changed: Some<ChangedResource>;
  unchanged: number;
  /** Number of resources of both states that were not compared, because there are too many. */
  notCompared: number;
}

/** The first ones, and the number of the others. */
export interface Some<T> {
  shown: T[];
  more: number;
}

export interface CompareLimits {
  /** Maximum number of resources of a state that are compared. */
  resources: number;
  /** Maximum number of resources in each list. */
  shown: number;
  /** Maximum number of characters of URNs of a state that are in memory. */
  urns: number;
  /** Maximum number of bytes of the changed resources of a state that are in memory. The others are named without their properties. */
  bytes: number;
}

/** A state that can be read more than once. */
export type Readable = () => Promise<AsyncIterable<Uint8Array>>;

export async function compareStates(before: Readable, after: Readable, limits: CompareLimits): Promise<Comparison> {
  const old = new Map<string, ComparedResource & { hash: string }>();
  const result: Comparison = { added: none(), removed: none(), changed: none(), unchanged: 0, notCompared: 0 };
  for await (const { key, resource, text } of keyed(await before(), limits, result)) old.set(key, { ...resource, hash: hashOf(text) });

  const kept = new Map<string, Uint8Array>();
  let room = limits.bytes;
  for await (const { key, resource, text } of keyed(await after(), limits, result)) {
    const was = old.get(key);
    if (!was) add(result.added, resource, limits.shown);
    else if (was.hash === hashOf(text)) result.unchanged++;
    else {
      add(result.changed, { ...resource, properties: undefined }, limits.shown);
      if (result.changed.more === 0 && (room -= text.length) >= 0) kept.set(key, text.slice());
    }
    old.delete(key);
  }
  for (const { hash: _, ...resource } of old.values()) add(result.removed, resource, limits.shown);
  if (kept.size > 0) await describe(await before(), result.changed.shown, kept, limits);
  return result;
}

/** Reads the first state again, and fills in the properties of the changed resources. */
async function describe(
  before: AsyncIterable<Uint8Array>,
  changed: ChangedResource[],
  kept: Map<string, Uint8Array>,
  limits: CompareLimits,
): Promise<void> {
  const byKey = new Map(changed.map((resource) => [keyOf(resource, 0), resource]));
  let room = limits.bytes;
  for await (const { key, text } of keyed(before, limits)) {
    const now = kept.get(key);
    const resource = byKey.get(key);
    if (now && resource && (room -= text.length) >= 0) resource.properties = changesOf(membersOf(text), membersOf(now));
  }
}

/** Each resource with a key: several can have the same URN while some of them wait for their deletion. */
async function* keyed(
  state: AsyncIterable<Uint8Array>,
  limits: CompareLimits,
  count?: { notCompared: number },
): AsyncGenerator<{ key: string; resource: ComparedResource; text: Uint8Array }> {
  const seen = new Map<string, number>();
  let [left, room] = [limits.resources, limits.urns];
  for await (const text of resourcesOf(state)) {
    const branch = left > 0 && room > 0 ? branchOf(membersOf(text)) : undefined;
    if (!branch) {
      if (count) count.notCompared++;
      continue;
    }
    left--;
    room -= branch.urn.length;
    const { urn, type, name, leaving } = branch;
    const first = keyOf(branch, 0);
    const times = seen.get(first) ?? 0;
    seen.set(first, times + 1);
    yield { key: keyOf(branch, times), resource: { urn, type, name, leaving }, text };
  }
}

const keyOf = ({ urn, leaving }: { urn: string; leaving: boolean }, times: number) => `${leaving ? "-" : "+"}${times}:${urn}`;

const hashOf = (text: Uint8Array): string => createHash("sha256").update(text).digest("base64");

const none = <T>(): Some<T> => ({ shown: [], more: 0 });

function add<T>(list: Some<T>, item: T, most: number): void {
  if (list.shown.length < most) list.shown.push(item);
  else list.more++;
}

/** Members that hold properties, and that are compared property by property. */
const HOLDERS = ["inputs", "outputs"] as const;

type Members = Map<string, Uint8Array>;

function changesOf(before: Members, after: Members): PropertyChange[] {
  const [rest, restAfter] = [new Map(before), new Map(after)];
  const changes: PropertyChange[] = [];
  for (const holder of HOLDERS) {
    for (const members of [rest, restAfter]) members.delete(holder);
    changes.push(...differences(propertiesOf(before, holder), propertiesOf(after, holder), `${holder}.`));
  }
  return [...changes, ...differences(rest, restAfter, "")];
}

function* differences(before: Members, after: Members, prefix: string): Generator<PropertyChange> {
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const [was, is] = [before.get(name), after.get(name)];
    if (was && is && sameBytes(was, is)) continue;
    yield { name: prefix + name, before: was && shown(was), after: is && shown(is) };
  }
}

const shown = (json: Uint8Array): Shown => (holdsSecret(json) ? { isSecret: true } : { text: readable(json) });
