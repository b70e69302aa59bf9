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

/** Bytes that callers may send in a minute to one isolate, see `src/auth/meter.ts`. */
const perMinute = { token: 4096 * MiB, organization: 16_384 * MiB };

export type Limits = typeof defaults;

export const limitsOf = (env: Bindings): Limits => read(env, defaults, (name) => `MAX_${name}_BYTES`);

/** `TOKEN_BYTES_PER_MINUTE`, `ORGANIZATION_BYTES_PER_MINUTE`. */
export const byteLimitsOf = (env: Bindings): typeof perMinute => read(env, perMinute, (name) => `${name}_BYTES_PER_MINUTE`);

function read<T extends Record<string, number>>(env: Bindings, from: T, variable: (name: string) => string): T {
  const entries = Object.entries(from).map(([name, otherwise]) => {
    const value = Number((env as unknown as Record<string, unknown>)[variable(name.toUpperCase())] || NaN);
    return [name, Number.isFinite(value) && value > 0 ? value : otherwise];
  });
  return Object.fromEntries(entries) as T;
}
