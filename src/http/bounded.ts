/**
 * Schemas of inputs that have a bound. Every text, list and map that a request brings is made by these: `npm run check` fails on a schema
 * of a route that is not (scripts/bounds.ts).
 */
import * as z from "zod/mini";

/** @param max characters */
export const text = (max: number, message?: string) => z.string().check(z.maxLength(max, message));

/** For a text that may fill its body. The body has a limit of its own, see `src/limits.ts`. Characters. */
export const AS_BODY = 2 ** 27;

/** An id that we gave out. An unknown one is a 404, whatever it looks like. */
export const id = text(200);

/** What we gave out as `continuationToken`. */
export const cursor = z.optional(text(2000));

type Bounds = { kind: "list"; element: z.ZodMiniType } | { kind: "map"; key: z.ZodMiniType; value: z.ZodMiniType } | { kind: "unread" };

/** What the helpers below made, for the check. */
export const boundsOf = new WeakMap<object, Bounds>();

/**
 * A list whose length is looked at before its elements are: a longer one costs no more than its parsing.
 * @param max elements
 */
export function list<T extends z.ZodMiniType>(element: T, max: number, message = `a list of at most ${max} elements is expected`) {
  const schema = z.pipe(
    z.transform((value, { issues }) => {
      if (!Array.isArray(value) || value.length <= max) return value as unknown;
      issues.push({ code: "custom", message, input: undefined });
      return z.NEVER;
    }),
    z.array(element).check(z.maxLength(max, message)),
  );
  boundsOf.set(schema, { kind: "list", element });
  return schema;
}

const isObject = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);

/** Faults of a map that are reported; a large body may have a hundred thousand. */
const MOST_FAULTS = 10;

/**
 * A JSON object whose keys are its sender's own. It is passed on as it was parsed: `z.record` builds a new one, and leaves out a
 * key named `__proto__` (cli-protocol trap 45).
 * @param max keys
 */
export function mapOf<V extends z.ZodMiniType>(value: V, key: z.ZodMiniType<string>, max: number) {
  const schema = z
    .custom<Record<string, z.output<V>>>(isObject, "Invalid input: expected an object")
    .check((ctx) => {
      const entries = Object.entries(ctx.value);
      if (entries.length > max) {
        ctx.issues.push({ code: "custom", message: `an object of at most ${max} members is expected`, input: undefined });
        return;
      }
      for (const [name, member] of entries) {
        if (ctx.issues.length >= MOST_FAULTS) return;
        const issues = [...(key.safeParse(name).error?.issues ?? []), ...(value.safeParse(member).error?.issues ?? [])];
        for (const { message, path } of issues) ctx.issues.push({ code: "custom", message, path: [name, ...path], input: member });
      }
    })
    .check(z.meta({ type: "object" }));
  boundsOf.set(schema, { kind: "map", key, value });
  return schema;
}

/** For a part that is not read as parsed: its text is checked elsewhere. Its body has a limit, also of values and levels. */
export function unread<S extends z.ZodMiniType>(schema: S): S {
  boundsOf.set(schema, { kind: "unread" });
  return schema;
}
