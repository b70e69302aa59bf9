import { type ParseArgsConfig, type ParseArgsOptionsConfig, parseArgs } from "node:util";
import { fail } from "./fail.ts";

/** A script's options. An option that it does not have ends it with a sentence, not with a stack. */
export function readOptions<T extends ParseArgsOptionsConfig>(options: T): ReturnType<typeof parseArgs<{ options: T }>>["values"] {
  const config = { options } satisfies ParseArgsConfig;
  try {
    return parseArgs(config).values;
  } catch (error) {
    const names = Object.keys(options).map((name) => `--${name}`);
    return fail(`${(error as Error).message}\nThe options are ${names.join(", ")}.`);
  }
}
