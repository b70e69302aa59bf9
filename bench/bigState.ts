/** A generated state of any size, as a stream: it is never whole, neither here nor in the server. */
import { createHash } from "node:crypto";

export const URN = "urn:pulumi:big::size::pkg:index:Thing::";
const ROOT = "urn:pulumi:big::size::pulumi:pulumi:Stack::size-big";
/** Of which every resource takes a slice of its own: hardly compressible, and quick to make. */
const NOISE = Array.from({ length: 1500 }, (_, i) => createHash("sha512").update(`${i}`).digest("base64")).join("");

/** The text of resource number `i`, of about `bytes` bytes, in an edition of its own. */
export function resourceText(i: number, bytes: number, edition = 0): string {
  if (i === 0) return JSON.stringify({ urn: ROOT, custom: false, type: "pulumi:pulumi:Stack" });
  const at = (i * 7919 + edition * 104_729) % (NOISE.length - bytes);
  const half = Math.max(0, (bytes - 420) >> 1);
  return JSON.stringify({
    urn: URN + i,
    custom: true,
    id: `id-${i}`,
    type: "pkg:index:Thing",
    inputs: { text: NOISE.slice(at, at + half), edition },
    outputs: { text: NOISE.slice(at + 1, at + 1 + half), edition },
    parent: ROOT,
    dependencies: i > 1 ? [URN + (i - 1)] : [],
    propertyDependencies: i > 1 ? { text: [URN + (i - 1)] } : {},
    created: "2026-01-01T00:00:00Z",
    modified: "2026-01-01T00:00:00Z",
  });
}

export interface Big {
  resources: number;
  /** Of each resource. */
  bytes: number;
}

/** Position and edition of each resource in a state. */
export type Order = Iterable<readonly [position: number, edition: number]>;

export function* asImported({ resources }: Big): Order {
  for (let i = 0; i < resources; i++) yield [i, 0];
}

/** What an update leaves: the resources it touched come first (cli-protocol §4.8.4). */
export function* afterUpdate({ resources }: Big, touched: readonly number[], edition: number): Order {
  for (const i of touched) yield [i, edition];
  const gone = new Set(touched);
  for (let i = 0; i < resources; i++) if (!gone.has(i)) yield [i, 0];
}

const CHUNK = 64 * 1024;

/** The elements of `resources`, in chunks. */
export function* elements(big: Big, order: Order): Generator<Buffer> {
  let held = "";
  let first = true;
  for (const [i, edition] of order) {
    held += `${first ? "" : ","}${resourceText(i, big.bytes, edition)}`;
    first = false;
    if (held.length < CHUNK) continue;
    yield Buffer.from(held);
    held = "";
  }
  yield Buffer.from(held);
}

export const HEAD =
  '{"version":3,"deployment":{"manifest":{"time":"2026-01-01T00:00:00Z","magic":"","version":""},"metadata":{},"resources":[';
export const TAIL = "]}}";

export function* deployment(big: Big, order: Order): Generator<Buffer> {
  yield Buffer.from(HEAD);
  yield* elements(big, order);
  yield Buffer.from(TAIL);
}
