/** Generates a state of any size as a stream. Neither this process nor the server holds all of it in memory. */
import { createHash } from "node:crypto";

/** Text that hardly compresses and is fast to generate. Each resource has its own slice of it. */
const NOISE = Array.from({ length: 1500 }, (_, i) => createHash("sha512").update(`${i}`).digest("base64")).join("");

export interface Big {
  resources: number;
  /** Bytes of each resource. */
  bytes: number;
  /** Name of the stack in project `size`. */
  stack: string;
}

/** The text of resource number `i` in a given edition. Its length is the same in editions 0 to 9. */
export function resourceText({ bytes, stack }: Big, i: number, edition = 0): string {
  const root = `urn:pulumi:${stack}::size::pulumi:pulumi:Stack::size-${stack}`;
  if (i === 0) return JSON.stringify({ urn: root, custom: false, type: "pulumi:pulumi:Stack" });
  const urn = (i: number) => `urn:pulumi:${stack}::size::pkg:index:Thing::${i}`;
  const at = (i * 7919 + edition * 104_729) % (NOISE.length - bytes);
  const half = Math.max(0, (bytes - 420) >> 1);
  return JSON.stringify({
    urn: urn(i),
    custom: true,
    id: `id-${i}`,
    type: "pkg:index:Thing",
    inputs: { text: NOISE.slice(at, at + half), edition },
    outputs: { text: NOISE.slice(at + 1, at + 1 + half), edition },
    parent: root,
    dependencies: i > 1 ? [urn(i - 1)] : [],
    propertyDependencies: i > 1 ? { text: [urn(i - 1)] } : {},
    created: "2026-01-01T00:00:00Z",
    modified: "2026-01-01T00:00:00Z",
  });
}

/** Position and edition of each resource in a state. */
export type Order = Iterable<readonly [position: number, edition: number]>;

export function* asImported({ resources }: Big): Order {
  for (let i = 0; i < resources; i++) yield [i, 0];
}

/** The order after an update: the resources that it changed come first (cli-protocol §4.8.4). */
export function* afterUpdate({ resources }: Big, touched: readonly number[], edition: number): Order {
  for (const i of touched) yield [i, edition];
  const gone = new Set(touched);
  for (let i = 0; i < resources; i++) if (!gone.has(i)) yield [i, 0];
}

const CHUNK = 64 * 1024;

/** The elements of `resources`, in chunks. */
export function* elements(big: Big, order: Order, show = (text: string) => text): Generator<Buffer> {
  let held = "";
  let first = true;
  for (const [i, edition] of order) {
    held += `${first ? "" : ","}${show(resourceText(big, i, edition))}`;
    first = false;
    if (held.length < CHUNK) continue;
    yield Buffer.from(held);
    held = "";
  }
  yield Buffer.from(held);
}

/** A resource in the form of the list of a stack's resources (`src/state/resources.ts`). */
export function shown(text: string): string {
  const none = text.includes('"dependencies":') ? "" : ',"dependencies":[]';
  return `{"resource":${text.slice(0, -1)},"delete":false${none}}}`;
}

const HEAD = '{"version":3,"deployment":{"manifest":{"time":"2026-01-01T00:00:00Z","magic":"","version":""},"metadata":{},"resources":[';
const TAIL = "]}}";

export function* deployment(big: Big, order: Order): Generator<Buffer> {
  yield Buffer.from(HEAD);
  yield* elements(big, order);
  yield Buffer.from(TAIL);
}
