import type { Context } from "hono";
import { authenticateScim } from "../auth/authenticate.ts";
import { withinLimit } from "../auth/limiter.ts";
import { limitFault } from "../auth/limits.ts";
import { settingsOf } from "../auth/policy.ts";
import { recordLimit, recordTooMany } from "../auth/refusals.ts";
import { retryAfterChange } from "../auth/retry.ts";
import type { OrgContext } from "../context.ts";
import { PreconditionFailed, UniqueViolation } from "../db/client.ts";
import { DIRECTORY } from "../db/places.ts";
import { AppError, forbidden, tooManyRequests } from "../errors.ts";
import { requireUtf8, useBody } from "../http/body.ts";
import type { Env } from "../http/environment.ts";
import { parseJson } from "../http/json.ts";
import { publicUrlOf } from "../http/origin.ts";
import { scimJson } from "./answer.ts";
import type { ScimCall } from "./call.ts";
import { discover } from "./discovery.ts";
import { ScimFault } from "./fault.ts";
import { createGroup } from "./groups/create.ts";
import { deleteGroup } from "./groups/delete.ts";
import { getGroup } from "./groups/get.ts";
import { listGroups } from "./groups/list.ts";
import { patchGroup } from "./groups/patch.ts";
import { replaceGroup } from "./groups/replace.ts";
import { baseOf } from "./render.ts";
import { createUser } from "./users/create.ts";
import { deleteUser } from "./users/delete.ts";
import { getUser } from "./users/get.ts";
import { listUsers } from "./users/list.ts";
import { patchUser } from "./users/patch.ts";
import { replaceUser } from "./users/replace.ts";

/** Maximum number of bytes of a body: a group with 8,000 members is smaller. */
const MOST_BYTES = 2 * 1024 * 1024;
/** Period of the limiter in `wrangler.toml`, in seconds. */
const PERIOD = 10;

type OfAll = (call: ScimCall) => Promise<Response>;
type OfOne = (call: ScimCall, id: string) => Promise<Response>;
const resources: Record<string, { all: Record<string, OfAll>; one: Record<string, OfOne> }> = {
  Users: { all: { GET: listUsers, POST: createUser }, one: { GET: getUser, PUT: replaceUser, PATCH: patchUser, DELETE: deleteUser } },
  Groups: {
    all: { GET: listGroups, POST: createGroup },
    one: { GET: getGroup, PUT: replaceGroup, PATCH: patchGroup, DELETE: deleteGroup },
  },
};

/** Parts of the protocol that are not offered; their answer is 501 (RFC 7644: bulk operations, the alias of the caller, and queries by POST). */
const notOffered = new Set(["Bulk", "Me", ".search"]);

/**
 * Serves `/scim/v2/{org}/…`. Every answer has a body in the format of SCIM, so that an identity provider shows the cause (identity-facts
 * C-16).
 */
export async function serveScim(c: Context<Env>): Promise<Response> {
  const [, , version, org = "", name = "", id, ...more] = c.req.path.split("/").map(decoded);
  c.set("route", "/scim/v2/{orgName}");
  if (version !== "v2" || org === "" || org.includes("\0")) throw unknown(c.req.path);
  const header = c.req.header("Authorization");
  await admit(c, header, org, false);
  const { method } = c.req;
  if (more.length > 0) throw notOffered.has(more[0] ?? "") ? missing(more[0]!) : unknown(c.req.path);
  if (notOffered.has(name) || (id !== undefined && notOffered.has(id))) throw missing(id ?? name);
  const url = publicUrlOf(c.env, c.req);
  const document = Object.hasOwn(resources, name) ? undefined : discover(url, name, id);
  if (document !== undefined) {
    if (method !== "GET") throw notAllowed(method);
    c.get("credential")?.used(c.get("request"));
    return scimJson(document);
  }
  const resource = Object.hasOwn(resources, name) ? resources[name] : undefined;
  if (!resource || id === "") throw unknown(c.req.path);
  const handlers: Record<string, OfAll | OfOne> = id === undefined ? resource.all : resource.one;
  if (!Object.hasOwn(handlers, method)) throw notAllowed(method);
  c.set("route", `/scim/v2/{orgName}/${name}${id === undefined ? "" : "/{id}"}`);
  const handler = handlers[method] as OfOne;
  const body = method === "GET" || method === "DELETE" ? undefined : await readBody(c);
  return retryAfterChange(async (fresh) => {
    if (fresh) await admit(c, header, org, true);
    const credential = c.get("credential")!;
    const request = c.get("request");
    const ctx = Object.assign(request, { actor: credential.actor, org: credential.org, relied: [] }) as OrgContext;
    const call = { ctx, base: baseOf(url), query: url.searchParams, headers: c.req.raw.headers, body };
    const response = await handler(call, id ?? "").catch((error: unknown) => {
      // Another call has just taken the name: the next attempt finds it.
      throw error instanceof UniqueViolation ? new PreconditionFailed() : error;
    });
    credential.used(request);
    return response;
  });
}

/** Authenticates the SCIM token, and checks its networks, its expiry and its rate. @throws 401, 403, 429 */
async function admit(c: Context<Env>, header: string | undefined, org: string, fresh: boolean): Promise<void> {
  const request = c.get("request");
  if (fresh) request.now = Math.max(request.now, Date.now());
  const credential = await authenticateScim(request, header, org, fresh);
  c.set("credential", credential);
  const { actor } = credential;
  const here = credential.org!;
  // Sign-in finds accounts in the directory only (docs/scale.md), so nobody could use an account of another database.
  if (request.store.place !== DIRECTORY) throw forbidden(`${here.name} is in a database of its own, where organizations have no members.`);
  const fault = limitFault(actor.limits, settingsOf({ actor, org: here }), request);
  if (fault) {
    if (credential.identity.cached) return admit(c, header, org, true);
    await recordLimit(request, actor, here, fault, "self");
    throw forbidden(
      fault === "network"
        ? "The organization does not allow the network address of this request."
        : "The SCIM token is valid for longer than the organization allows. Create a new one.",
      "limited_credential",
    );
  }
  if (fresh || (await withinLimit(c.env.SCIM_REQUESTS, actor.token.id))) return;
  const why = "this SCIM token makes too many requests";
  await recordTooMany(request, actor, here, why);
  throw tooManyRequests(PERIOD, why);
}

/** Reads the body of a write. @throws 400, 413, 415 */
async function readBody(c: Context<Env>): Promise<unknown> {
  const type = (c.req.header("Content-Type") ?? "application/scim+json").split(";")[0]!.trim().toLowerCase();
  if (type !== "application/scim+json" && type !== "application/json")
    throw new ScimFault(415, "The body must have the media type application/scim+json or application/json.");
  const text = await useBody(c.req.raw, MOST_BYTES, ({ bytes }) => requireUtf8(bytes));
  try {
    return parseJson(text);
  } catch (error) {
    throw error instanceof AppError && error.status === 400 ? new ScimFault(400, error.message, "invalidSyntax") : error;
  }
}

/** A part of a path; a part that is not well-formed names nothing. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return "\0";
  }
}

const unknown = (path: string) => new ScimFault(404, `There is no SCIM resource at ${path.slice(0, 200)}.`);
const missing = (what: string) => new ScimFault(501, `${what} is not offered.`);
const notAllowed = (method: string) => new ScimFault(405, `The method ${method} is not offered at this path.`);
