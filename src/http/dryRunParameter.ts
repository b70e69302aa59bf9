import type { Context } from "hono";
import { badRequest } from "../errors.ts";
import type { Env } from "./environment.ts";
import type { Route } from "./route.ts";

export const DRY_RUN = "dryRun";

/** Whether a name is a spelling of `dryRun`, such as `dry_run`. */
export const isLikeDryRun = (name: string) => name.replaceAll(/[^a-z]/gi, "").toLowerCase() === "dryrun";

const NO_DRY_RUN = "this operation has no dry run, so nothing was done: send it without dryRun to make the change";

/**
 * Whether the call is only to be tried. An operation that does not know dry runs must not make the change instead, so it refuses the
 * parameter. A misspelled parameter is refused for the same reason. @throws 400
 */
export function isDryRun(c: Context<Env>, { method, dryRun }: Route["definition"]): boolean {
  if (method === "GET" || method === "HEAD") return false;
  const queries = c.req.queries();
  if (Object.keys(queries).some((name) => isLikeDryRun(name) && name !== DRY_RUN))
    throw badRequest("the parameter for a dry run is called dryRun: nothing was done");
  const values = queries[DRY_RUN] ?? [];
  const [value = "false"] = values;
  if (values.length > 1 || !["true", "false"].includes(value)) throw badRequest("dryRun is true or false");
  if (value === "true" && !dryRun) throw badRequest(NO_DRY_RUN);
  return value === "true";
}

/**
 * Whether a caller may expect that a member of the body makes the call a dry run. This is so for operations that have a dry run, and for those
 * that change an organization or an account with similar bodies. It is not so for stacks and updates: the CLI makes their bodies, its newer
 * versions add members, and unknown members are accepted.
 */
export const mayMeanDryRun = ({ method, path, dryRun }: Route["definition"]): boolean =>
  method !== "GET" && method !== "HEAD" && (Boolean(dryRun) || /^\/api\/(orgs|user)\//.test(path));

/** Refuses a body that asks for a dry run, because the call would make the change. @throws 400 */
export function requireNoDryRunIn(json: unknown, { dryRun }: Route["definition"]): void {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return;
  const asks = Object.entries(json).some(([name, value]) => isLikeDryRun(name) && ["boolean", "string", "number"].includes(typeof value));
  if (!asks) return;
  throw badRequest(
    dryRun ? "dryRun is not a member of the body, so nothing was done: try the call with the query parameter dryRun=true" : NO_DRY_RUN,
  );
}
