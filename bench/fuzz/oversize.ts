/**
 * Generates values that are far too large for every field of every operation: long lists and texts, deep nesting, many members, plain and
 * gzipped.
 */
import { gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { bodyFor } from "./bodies.ts";
import type { Json, Operation } from "./document.ts";
import { bodyOf } from "./generate.ts";
import type { Sent } from "./send.ts";

/** A request that an administrator sends, or the client of a running update under its lease. */
export interface Oversized {
  sent: Sent;
  isUnderLease: boolean;
}

const MB = 1_000_000;
const members = (count: number) => `{${Array.from({ length: count }, (_, i) => `"k${i}":1`).join(",")}}`;

/** JSON texts, generated when they are sent. `JSON.stringify` cannot generate some of them. */
const values: Record<string, () => string> = {
  "a list of 100,000": () => `[${"1,".repeat(100_000 - 1)}1]`,
  "a list of 1,500,000": () => `[${"1,".repeat(1_500_000 - 1)}1]`,
  "a list of lists": () => `[${"[],".repeat(400_000)}[]]`,
  "a text of 2 MB": () => `"${"x".repeat(2 * MB)}"`,
  "a text of 2 MB in two bytes each": () => `"${"é".repeat(MB)}"`,
  "a text of 3 MB of escapes": () => `"${"\\u0000".repeat(MB / 2)}"`,
  "100,000 levels": () => "[".repeat(100_000) + "]".repeat(100_000),
  "600,000 levels that do not end": () => '{"a":'.repeat(600_000),
  "100,000 members": () => members(100_000),
  "a list of objects": () => `[${"{},".repeat(300_000)}{}]`,
};
/** Numbers of valid elements in a list or map: these test the bound of the whole, and not that of an element. */
const lengths = [1001, 20_000];

type Place = (string | number)[];

/** The places of a schema that can have a value. */
function* placesIn(schema: Json, place: Place = []): Generator<Place> {
  yield place;
  for (const one of (schema["anyOf"] ?? schema["oneOf"] ?? []) as Json[]) yield* placesIn(one, place);
  if (schema["items"]) yield* placesIn(schema["items"] as Json, [...place, 0]);
  const properties = Object.entries((schema["properties"] ?? {}) as Record<string, Json>);
  for (const [name, member] of properties) yield* placesIn(member, [...place, name]);
  // This is a map: the schema does not name its members.
  if (schema["type"] === "object" && properties.length === 0) yield [...place, "anything"];
}

const MARK = "\u0001here\u0001";

/** A body with a JSON text at one of its places. */
function bodyWith(good: unknown, place: Place, text: string): string {
  const root = { body: structuredClone(good) } as Record<string, unknown>;
  let holder = root as Record<string | number, unknown>;
  let key: string | number = "body";
  for (const next of place) {
    if (typeof holder[key] !== "object" || holder[key] === null) holder[key] = typeof next === "number" ? [] : {};
    holder = holder[key] as Record<string | number, unknown>;
    key = next;
  }
  holder[key] = MARK;
  const json = JSON.stringify(root["body"]);
  const mark = JSON.stringify(MARK);
  const at = json.indexOf(mark);
  return json.slice(0, at) + text + json.slice(at + mark.length);
}

/** A body with many valid elements or members at one of its places. */
function repeated(good: unknown, place: Place, count: number): string | undefined {
  let value = good;
  for (const step of place) value = (value as Record<string | number, unknown> | null | undefined)?.[step];
  if (Array.isArray(value) && value.length > 0)
    return bodyWith(good, place, `[${Array.from({ length: count }, () => JSON.stringify((value as unknown[])[0])).join(",")}]`);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const [member] = Object.values(value as object) as unknown[];
  if (member === undefined) return undefined;
  return bodyWith(good, place, `{${Array.from({ length: count }, (_, i) => `"k${i}":${JSON.stringify(member)}`).join(",")}}`);
}

const longTexts = [
  "x".repeat(9000),
  "x".repeat(30_000),
  encodeURIComponent("界".repeat(1000)),
  "%00".repeat(2000),
  "*".repeat(3000),
  "x".repeat(2_000_000),
];

type Known = Record<string, string[]>;
/** Generates a request with names and ids of existing objects. */
export type Maker = (known: Known) => Oversized;

/**
 * A maker for each field and each kind of value. The requests are generated on demand, because all of them together would take gigabytes.
 * @param seed seed of the valid bodies
 */
export const oversized = (operations: Operation[], seed: number): Maker[] =>
  operations.flatMap((operation) => {
    const good = operation.body && (bodyFor(operation.path) ?? fc.sample(bodyOf(operation.body), { numRuns: 1, seed })[0]);
    const goodText = () => (good === undefined ? undefined : JSON.stringify(good));
    const path = (known: Known, name?: string, value = "") =>
      operation.path.replaceAll(/\{(\w+)\}/g, (_, one: string) => (one === name ? value : encodeURIComponent(known[one]?.[0] ?? "x")));
    const makers: Maker[] = [];
    const add = (where: (known: Known) => string, body: () => string | undefined) => {
      const isGzipped = makers.length % 2 === 1;
      makers.push((known) => ({ sent: wired(operation, where(known), body(), isGzipped), isUnderLease: operation.permission === "lease" }));
    };
    for (const { name, in: where } of operation.parameters) {
      for (const long of longTexts)
        add((known) => (where === "path" ? path(known, name, long) : `${path(known)}?${name}=${long}`), goodText);
      if (where === "query") add((known) => `${path(known)}?${`${name}=1&`.repeat(1000)}`, goodText);
    }
    const places = operation.body ? [...placesIn(operation.body), ...placesOf(good)] : [];
    for (const place of new Map(places.map((one) => [JSON.stringify(one), one])).values()) {
      for (const value of Object.values(values)) add(path, () => bodyWith(good, place, value()));
      if (repeated(good, place, 1) === undefined) continue;
      for (const count of lengths) add(path, () => repeated(good, place, count));
    }
    return makers;
  });

const wired = ({ method }: Operation, path: string, text: string | undefined, isGzipped: boolean): Sent => ({
  method,
  path,
  headers: { "Content-Type": "application/json", ...(isGzipped && text !== undefined && { "Content-Encoding": "gzip" }) },
  body: isGzipped && text !== undefined ? gzipSync(text, { level: 1 }) : text,
});

/** The places of a valid body, for a call whose schema is only "an object". */
function* placesOf(value: unknown, place: Place = []): Generator<Place> {
  if (place.length > 6) return;
  yield place;
  if (typeof value !== "object" || value === null) return;
  // One element represents all elements of a list.
  const entries = Object.entries(value).slice(0, Array.isArray(value) ? 1 : 30);
  for (const [key, member] of entries) yield* placesOf(member, [...place, Array.isArray(value) ? Number(key) : key]);
}
