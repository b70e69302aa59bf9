/**
 * Several deployments of one checkout. `--env staging` is an option of every command that reaches a deployment, so it is taken out of the
 * arguments before a command reads its own. Without the option a command is about the deployment that `wrangler.toml` describes.
 */
import { fail } from "./fail.ts";

/** Takes `--env NAME` out of arguments. @returns the name, if there is one. Another text than a short name in lower case ends the script. */
export function takeEnvironment(args: string[]): string | undefined {
  const at = args.findIndex((arg) => arg === "--env" || arg.startsWith("--env="));
  if (at < 0) return undefined;
  const isJoined = args[at] !== "--env";
  const name = isJoined ? args[at]!.slice("--env=".length) : args[at + 1];
  args.splice(at, isJoined ? 1 : 2);
  // Cloudflare limits the names of queues and buckets to 63 characters.
  if (name === undefined || !/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) || name.length > 20)
    return fail("--env needs a name of at most 20 lower-case letters, digits and dashes, as in --env staging");
  return name;
}

export const environment = takeEnvironment(process.argv);
