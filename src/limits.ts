import type { Bindings } from "./env.ts";

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;

/**
 * Upper bound of limits for data in memory: the runtime has no larger buffers. An isolate has 128 MB in all, so good values are far lower.
 */
const IN_MEMORY = 128 * MiB;

/**
 * Size limits of requests, in bytes; each applies to the body as received and to the inflated body. Each can be set by a variable of the
 * Worker, for example `resource` by `MAX_RESOURCE_BYTES`; docs/operate.md explains the upper bounds.
 */
const limits = {
  /** JSON calls in general. */
  json: { usual: 4 * MiB, most: IN_MEMORY },
  /** The call that creates a stack. It may contain a first state, which the CLI does not split. */
  stack: { usual: 8 * MiB, most: IN_MEMORY },
  /** The call that creates an update. It contains the stack's configuration and the update's environment. */
  config: { usual: 8 * MiB, most: IN_MEMORY },
  /** One secret before it is encrypted, as JSON (`src/secrets/jsonSize.ts`). A batch of secrets is not held in memory and has no limit. */
  value: { usual: 8 * MiB, most: 64 * MiB },
  /** An imported deployment. */
  import: { usual: GiB, most: 8 * GiB },
  /** A full checkpoint. */
  checkpoint: { usual: GiB, most: 8 * GiB },
  /** A batch of journal entries or engine events, held in memory. The CLI halves a journal batch on 413. */
  batch: { usual: 16 * MiB, most: IN_MEMORY },
  /** One resource of an import or a full checkpoint: it is held in memory as a whole. */
  resource: { usual: 32 * MiB, most: IN_MEMORY },
};

/** Bytes that callers may send to one isolate in a minute, see `src/auth/meter.ts`. */
const perMinute = { TOKEN_BYTES_PER_MINUTE: 4096 * MiB, ORGANIZATION_BYTES_PER_MINUTE: 16_384 * MiB };

export type Limits = Record<keyof typeof limits, number>;

const entries = (Object.keys(limits) as (keyof Limits)[]).map((name) => ({
  name,
  variable: `MAX_${name.toUpperCase()}_BYTES`,
  ...limits[name],
}));
const variables = new Set(entries.map(({ variable }) => variable));

/**
 * The limits of a deployment, and a sentence for each invalid variable. An invalid variable counts as not set. Every request calls this, so it does
 * little for a variable that is not set.
 */
export function readLimits(env: Bindings): { limits: Limits; faults: string[] } {
  const vars = env as unknown as Record<string, unknown>;
  const faults = Object.keys(vars)
    .filter((name) => name.startsWith("MAX_") && /^MAX_[A-Z]+_BYTES$/.test(name) && !variables.has(name))
    .map((name) => `There is no setting ${name}.`);
  const read = entries.map(({ name, variable, usual, most }) => {
    const text = vars[variable] ?? "";
    if (text === "") return [name, usual];
    const value = wholeNumber(text, most);
    if (value === undefined) faults.push(`${variable} must be a whole number of bytes from 1 to ${most}.`);
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

/** The value of a variable if it is a whole number from 1 to `most`; else undefined. */
export function wholeNumber(text: unknown, most: number): number | undefined {
  if (!/^\d{1,15}$/.test(String(text))) return undefined;
  const value = Number(text);
  return value >= 1 && value <= most ? value : undefined;
}
