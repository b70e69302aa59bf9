import * as z from "zod/mini";

const isObject = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);

/** Faults that are told of; a large body may have a hundred thousand. */
const TOLD = 10;

/**
 * A JSON object whose keys are its sender's own. It is passed on as it was parsed: `z.record` builds a new one, and leaves out a
 * key named `__proto__` (cli-protocol trap 45).
 */
export function mapOf<V extends z.ZodMiniType>(value: V, key: z.ZodMiniType<string> = z.string()) {
  const schema = z.custom<Record<string, z.output<V>>>(isObject, "Invalid input: expected an object").check((ctx) => {
    for (const [name, member] of Object.entries(ctx.value)) {
      if (ctx.issues.length >= TOLD) return;
      const issues = [...(key.safeParse(name).error?.issues ?? []), ...(value.safeParse(member).error?.issues ?? [])];
      for (const { message, path } of issues) ctx.issues.push({ code: "custom", message, path: [name, ...path], input: member });
    }
  });
  return schema.check(z.meta({ type: "object" }));
}
