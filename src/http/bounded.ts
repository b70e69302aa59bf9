/**
 * Schemas of inputs with a bound. Every text, list and map of a request is made by these functions: `npm run check` fails on a schema of a
 * route that is not (scripts/bounds.ts).
 */
import * as z from "zod/mini";
import english from "zod/v4/locales/en.js";

/** The small build of zod has no messages of its own. */
z.config(english());

/** @param max characters */
export const text = (max: number, message?: string) => z.string().check(z.maxLength(max, message));

/** Maximum number of characters of a text that may fill its body. The body has its own limit, see `src/limits.ts`. */
export const AS_BODY = 2 ** 27;

/**
 * A whole number in a query, which is text: decimal digits alone. `Number` would also read `0x10`, `1e2` and the empty text. Numbers that are too
 * large to be exact count as the largest that is.
 * @param message about a text that is no number from `min` to `max`
 */
export const queryNumber = (min: number, max: number, message = "invalid query parameter") =>
  z.pipe(
    z.transform((value, { issues }) => {
      if (typeof value === "string" && /^\d{1,400}$/.test(value)) return Math.min(Number(value), Number.MAX_SAFE_INTEGER);
      issues.push({ code: "custom", message, input: undefined });
      return z.NEVER;
    }),
    z.int(message).check(z.minimum(min, message), z.maximum(max, message)),
  );

/** An id that we issued. An unknown id of any format is a 404. */
export const id = text(200);

/** A `continuationToken` that we issued. */
export const cursor = z.optional(text(2000));

type Bounds = { kind: "list"; element: z.ZodMiniType } | { kind: "map"; key: z.ZodMiniType; value: z.ZodMiniType } | { kind: "unread" };

/** Every schema that the functions below made, for the check. */
export const boundsOf = new WeakMap<object, Bounds>();

/**
 * A list whose length is checked before its elements, so that a longer list costs only its parsing.
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

/** Maximum number of faults of a map that are reported, because a large body may have a hundred thousand. */
const MOST_FAULTS = 10;

/**
 * A JSON object whose keys the client chooses. It is returned as it was parsed: `z.record` builds a new object, without a key named
 * `__proto__` (cli-protocol trap 45).
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

/**
 * A member that is not validated by its schema, because its text is checked elsewhere. Its body has a limit of bytes, values and levels.
 */
export function unread<S extends z.ZodMiniType>(schema: S): S {
  boundsOf.set(schema, { kind: "unread" });
  return schema;
}
