import type { Bindings } from "./env.ts";

const MiB = 1024 * 1024;

/**
 * What a request may weigh: bytes after inflating, and before. Each is a variable of the Worker, `resource` being
 * `MAX_RESOURCE_BYTES`; docs/operate.md says what bounds them from above. A variable that is no number has its default.
 */
const defaults = {
  /** JSON calls in general. */
  json: 4 * MiB,
  /** JSON calls that carry values or a first state: `batch-encrypt`, `batch-decrypt`, a new stack. The CLI does not split them. */
  values: 32 * MiB,
  /** A deployment that is imported. */
  import: 1024 * MiB,
  /** A full checkpoint, the text of a verbatim one, and what a delta makes of it. */
  checkpoint: 1024 * MiB,
  /** A delta of a checkpoint, which is held in memory. The CLI then sends the whole text. */
  delta: 8 * MiB,
  /** A batch of journal entries or engine events, held in memory. The CLI halves a journal batch on 413. */
  batch: 16 * MiB,
  /** One resource of a state that comes whole: what has to be in memory at once. */
  resource: 32 * MiB,
};

export type Limits = typeof defaults;

export function limitsOf(env: Bindings): Limits {
  const read = (name: string, otherwise: number) => {
    const value = Number((env as unknown as Record<string, unknown>)[`MAX_${name.toUpperCase()}_BYTES`] || NaN);
    return Number.isFinite(value) && value > 0 ? value : otherwise;
  };
  return Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, read(name, value)])) as Limits;
}
