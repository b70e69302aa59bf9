import type { Bindings } from "./env.ts";

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;

/** Most of what is held in memory: the runtime makes no larger buffer. An isolate has 128 MB in all, so good values are far below. */
const IN_MEMORY = 128 * MiB;

/**
 * What a request may weigh: bytes after inflating, and before. Each is a variable of the Worker, `resource` being
 * `MAX_RESOURCE_BYTES`; docs/operate.md says what bounds them from above.
 */
const limits = {
  /** JSON calls in general. */
  json: { usual: 4 * MiB, most: IN_MEMORY },
  /** The call that makes a stack: it may carry a first state. The CLI does not split it. */
  stack: { usual: 8 * MiB, most: IN_MEMORY },
  /** The call that creates an update: it carries the stack's configuration and the update's environment. */
  config: { usual: 8 * MiB, most: IN_MEMORY },
  /** One secret before it is encrypted, as JSON (`src/secrets/jsonSize.ts`). It is in memory; a batch of secrets is not, and has no limit. */
  value: { usual: 8 * MiB, most: 64 * MiB },
  /** A deployment that is imported. */
  import: { usual: GiB, most: 8 * GiB },
  /** A full checkpoint. */
  checkpoint: { usual: GiB, most: 8 * GiB },
  /** A batch of journal entries or engine events, held in memory. The CLI halves a journal batch on 413. */
  batch: { usual: 16 * MiB, most: IN_MEMORY },
  /** One resource of a state that comes whole: what has to be in memory at once. */
  resource: { usual: 32 * MiB, most: IN_MEMORY },
};

/** Bytes that callers may send in a minute to one isolate, see `src/auth/meter.ts`. */
const perMinute = { TOKEN_BYTES_PER_MINUTE: 4096 * MiB, ORGANIZATION_BYTES_PER_MINUTE: 16_384 * MiB };

export type Limits = Record<keyof typeof limits, number>;

const entries = Object.entries(limits) as [keyof Limits, { usual: number; most: number }][];
const variableOf = (name: string) => `MAX_${name.toUpperCase()}_BYTES`;

/** The limits that a deployment has, and what is wrong with its variables for them: a sentence each. A wrong one counts as not set. */
export function readLimits(env: Bindings): { limits: Limits; faults: string[] } {
  const vars = env as unknown as Record<string, unknown>;
  const faults = Object.keys(vars)
    .filter((name) => /^MAX_[A-Z]+_BYTES$/.test(name) && !entries.some(([known]) => variableOf(known) === name))
    .map((name) => `There is no setting ${name}.`);
  const read = entries.map(([name, { usual, most }]) => {
    const text = vars[variableOf(name)] ?? "";
    const value = wholeNumber(text, most);
    if (text !== "" && value === undefined) faults.push(`${variableOf(name)} must be a whole number of bytes from 1 to ${most}.`);
    return [name, value ?? usual];
  });
  for (const name of Object.keys(perMinute) as (keyof typeof perMinute)[])
    if ((vars[name] ?? "") !== "" && wholeNumber(vars[name], Number.MAX_SAFE_INTEGER) === undefined)
      faults.push(`${name} must be a whole number of bytes from 1 on.`);
  return { limits: Object.fromEntries(read) as Limits, faults };
}

export function byteLimitsOf(env: Bindings): { token: number; organization: number } {
  const vars = env as unknown as Record<string, unknown>;
  const limitOf = (name: keyof typeof perMinute) => wholeNumber(vars[name], Number.MAX_SAFE_INTEGER) ?? perMinute[name];
  return { token: limitOf("TOKEN_BYTES_PER_MINUTE"), organization: limitOf("ORGANIZATION_BYTES_PER_MINUTE") };
}

export const limitsOf = (env: Bindings): Limits => readLimits(env).limits;

/** The number from 1 to `most` that a variable says; undefined for anything else. */
export function wholeNumber(text: unknown, most: number): number | undefined {
  if (!/^\d{1,15}$/.test(String(text))) return undefined;
  const value = Number(text);
  return value >= 1 && value <= most ? value : undefined;
}
