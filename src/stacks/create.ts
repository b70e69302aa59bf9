import { eq, sql } from "drizzle-orm";
import type * as z from "zod/mini";
import { relayStoredSoon } from "../audit/relaySoon.ts";
import { auditEvent, auditStatement, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import { mayAs, membershipOf } from "../auth/policy.ts";
import { requireImportQuota } from "../auth/quota.ts";
import { requireInScope } from "../auth/scope.ts";
import { type OrgContext, loginOf } from "../context.ts";
import { UniqueViolation, isRefused } from "../db/client.ts";
import { badRequest, conflict, notFound } from "../errors.ts";
import { memberOf } from "../http/json.ts";
import { limitsOf } from "../limits.ts";
import { inspect } from "../state/checkpoint.ts";
import { accessTokens } from "../tokens/table.ts";
import { creatorGrant } from "../teams/creatorGrant.ts";
import { stackGrants, teams } from "../teams/table.ts";
import { environmentsUnsupported } from "./config.ts";
import { fromStateError, manifestMismatch } from "./fromStateError.ts";
import { initialStateKey, once, writeObject } from "./objects.ts";
import { auditName, pathText } from "./path.ts";
import type { CreateStackRequest } from "./schema.ts";
import { stacks } from "./table.ts";
import { firstTags } from "./tags.ts";

/**
 * Creates a stack. The first stack of a project creates the project. Names that differ only in case are the same name.
 * @param text the JSON of the request as received, because an initial state in it is stored as text
 * @throws 409 with "already exists", which the CLI looks for (cli-protocol §1.6)
 */
export async function createStack(ctx: OrgContext, projectName: string, request: z.infer<typeof CreateStackRequest>, text: string) {
  const path = { orgName: ctx.org.name, projectName, stackName: request.stackName };
  await requireInScope(ctx, "stack:create", path);
  if (request.config) throw environmentsUnsupported();
  const named = request.teams?.length ? await writtenTeams(ctx, request.teams) : [];
  const id = crypto.randomUUID();
  if (request.state) await requireImportQuota(ctx, ctx);
  const state = request.state ? await storeInitialState(ctx, id, text) : undefined;
  const to = named.length > 0 ? `, with the right to write for ${named.length === 1 ? "team" : "the teams"} ${named.join(", ")}` : "";
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "stack-created",
    description: `Created stack "${pathText(path)}"${to}.`,
    stack: auditName(path),
  });
  try {
    await guarded(ctx, [
      ctx.store.db.insert(stacks).values({
        id,
        orgId: ctx.org.id,
        project: projectName,
        name: request.stackName,
        createdAt: ctx.now,
        createdBy: loginOf(ctx.actor),
        ...state,
      }),
      ...firstTags(ctx.store, id, request.tags ?? {}),
      ...firstGrants(ctx, id, named),
      auditStatement(ctx.store, event),
    ]);
  } catch (error) {
    if (state && isRefused(error)) ctx.background("orphan", (env) => env.STATE.delete(state.stateKey));
    if (error instanceof UniqueViolation) throw conflict(`Stack '${pathText(path)}' already exists`);
    throw error;
  }
  relayStoredSoon(ctx, event);
  return {};
}

/** Returns the exact names of teams, which the request may have in upper or lower case. @throws 404 for a name without a team */
async function writtenTeams(ctx: OrgContext, asked: string[]): Promise<string[]> {
  const [found] = await guarded(ctx, [
    ctx.store.db
      .select({ name: teams.name })
      .from(teams)
      .where(sql`teams.org_id = ${ctx.org.id} AND lower(teams.name) IN (SELECT lower(value) FROM json_each(${JSON.stringify(asked)}))`),
  ]);
  const known = new Set(found.map(({ name }) => name.toLowerCase()));
  const unknown = asked.find((name) => !known.has(name.toLowerCase()));
  if (unknown !== undefined) throw notFound(`Team '${unknown}'`);
  return found.map(({ name }) => name);
}

/** Statements that grant the rights on the new stack: the creator's, and the right to write for the teams in the request. */
function firstGrants(ctx: OrgContext, id: string, names: string[]) {
  const { store, actor, now, org } = ctx;
  const place = membershipOf(ctx);
  const named = sql`SELECT teams.id FROM teams WHERE teams.org_id = ${org.id} AND teams.name IN (SELECT value FROM json_each(${JSON.stringify(names)}))`;
  const toTeams = store.db
    .insert(stackGrants)
    .select(sql`SELECT ${id}, 'team', teams.id, 102, ${now} FROM teams WHERE teams.id IN (${named}) ON CONFLICT DO NOTHING`);
  // A machine's identity is outdated by its first grant if it may list no other stack. A trigger notices the same for people and teams.
  const isFirst = actor.kind === "organization" && !place.hasStackGrants && !mayAs(place, "stack:list");
  const outdates = store.db
    .update(accessTokens)
    .set({ version: sql`version + 1` })
    .where(eq(accessTokens.id, actor.token.id));
  return [creatorGrant(store, actor, sql`${id}`, now), ...(names.length > 0 ? [toTeams] : []), ...(isFirst ? [outdates] : [])];
}

/**
 * Stores the initial state in a request. A client with its own secrets provider sends one: it contains a manifest and the provider, and no
 * resources (cli-protocol §3.4).
 */
async function storeInitialState(ctx: OrgContext, stackId: string, text: string) {
  const bytes = memberOf(text, "state");
  if (!bytes) throw badRequest("state is missing");
  const checked = inspect(once(bytes), { maxElement: limitsOf(ctx.env).resource });
  const stateKey = initialStateKey(stackId);
  try {
    await writeObject(ctx.env.STATE, stateKey, checked.chunks);
  } catch (error) {
    throw fromStateError(error);
  }
  const { resources, onlyRootStack, aliasFree, manifestOk } = checked.summary();
  if (!manifestOk) {
    await ctx.env.STATE.delete(stateKey);
    throw manifestMismatch();
  }
  return { stateKey, resourceCount: resources, rootOnly: onlyRootStack, aliasFree };
}
