import { type ParseArgsConfig, type ParseArgsOptionsConfig, parseArgs } from "node:util";
import { fail } from "./fail.ts";

/** Reads a script's options. An unknown option ends the script with a message, not with a stack trace. */
export function readOptions<T extends ParseArgsOptionsConfig>(options: T): ReturnType<typeof parseArgs<{ options: T }>>["values"] {
  return read({ options, args: withValues(process.argv.slice(2), options) }).values;
}

/** A script's options as `readOptions` reads them, and its positional arguments: a command, a file. */
export function readCommand<T extends ParseArgsOptionsConfig>(
  options: T,
): ReturnType<typeof parseArgs<{ options: T; allowPositionals: true }>> {
  return read({ options, args: withValues(process.argv.slice(2), options), allowPositionals: true });
}

function read<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    const names = Object.keys(config.options ?? {}).map((name) => `--${name}`);
    return fail(`${(error as Error).message}\nThe options are ${names.join(", ")}.`);
  }
}

/**
 * Joins `--key -x` to `--key=-x`. One public key in 64 begins with a dash, and `parseArgs` refuses such a value as a separate argument. The
 * name of another option of the script is not a value: `--to --local` still lacks a folder.
 */
export function withValues(args: string[], options: ParseArgsOptionsConfig): string[] {
  const isOption = (arg: string) => arg.startsWith("--") && Object.hasOwn(options, arg.slice(2).split("=", 1)[0]!);
  const takesNext = (arg: string) => arg.startsWith("--") && options[arg.slice(2)]?.type === "string";
  const joined: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const [arg, next] = [args[index]!, args[index + 1]];
    if (arg === "--") return [...joined, ...args.slice(index)];
    if (takesNext(arg) && next?.startsWith("-") && next.length > 1 && !isOption(next)) joined.push(`${arg}=${args[++index]!}`);
    else joined.push(arg);
  }
  return joined;
}
