import { type SQL, and, eq, sql } from "drizzle-orm";
import type * as z from "zod/mini";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditStatement, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import { forgetIdentities } from "../auth/resolve.ts";
import { settingsOf } from "../auth/policy.ts";
import type { OrgContext } from "../context.ts";
import { UniqueViolation } from "../db/client.ts";
import { badRequest, conflict, notFound } from "../errors.ts";
import { members, organizations } from "../orgs/table.ts";
import { teamMembers, teams } from "../teams/table.ts";
import { endOpened } from "./identities.ts";
import type { Connection } from "./openapi.ts";
import { changedSaml, oauthParts, refuseOAuth, refuseSaml, samlInWords, samlParts } from "./kinds.ts";
import { sealSecret } from "./provider.ts";
import { acsUrlFor, samlMetadataUrlFor } from "./samlTexts.ts";
import type { CreateConnectionRequest, UpdateConnectionRequest } from "./schema.ts";
import { type GroupMapping, connections, identities, tokenAuthorizations } from "./table.ts";

/** Maximum number of connections of an organization: its people choose among them. */
const MOST_CONNECTIONS = 10;

type Row = typeof connections.$inferSelect;
type SentMapping = NonNullable<z.infer<typeof UpdateConnectionRequest>["groupMappings"]>[number];

const ofOrg = (ctx: OrgContext) => eq(connections.orgId, ctx.org.id);
const thatConnection = (ctx: OrgContext, id: string): SQL => and(eq(connections.id, id), ofOrg(ctx))!;

/** The answer never contains the secret. */
function toConnection(row: Row, teamNames: Map<string, string>, org: string, origin: string): Connection {
  return {
    id: row.id,
    kind: row.kind,
    name: row.name,
    issuer: row.issuer,
    clientId: row.clientId,
    allowedDomains: row.allowedDomains,
    firstRole: row.firstRole,
    groupClaim: row.groupClaim,
    groupScope: row.groupScope,
    groupMappings: row.groupMappings.map((mapping) =>
      "role" in mapping ? mapping : { group: mapping.group, team: teamNames.get(mapping.teamId) ?? mapping.teamId },
    ),
    enabled: row.enabled,
    redirectUri: row.saml ? acsUrlFor(org, origin) : redirectUriFor(org, origin),
    ...(row.saml && {
      saml: {
        metadataUrl: samlMetadataUrlFor(org, origin),
        ssoUrl: row.saml.ssoUrl,
        idpInitiated: row.saml.idpInitiated,
        validUntil: new Date(row.saml.validUntil).toISOString(),
      },
    }),
    created: new Date(row.createdAt).toISOString(),
    modified: new Date(row.modifiedAt).toISOString(),
  };
}

/** The address that the administrator registers at the provider. It is known before there is a connection. */
export const redirectUriFor = (org: string, origin: string) => `${origin}/login/${encodeURIComponent(org)}/sso/callback`;

export async function readAll(ctx: OrgContext) {
  const [rows, ofTeams] = await guarded(ctx, [
    ctx.store.db.select().from(connections).where(ofOrg(ctx)).orderBy(connections.createdAt, connections.id),
    ctx.store.db
      .select({ id: teams.id, name: teams.name })
      .from(teams)
      .where(and(eq(teams.orgId, ctx.org.id), eq(teams.kind, "pulumi"))),
  ]);
  return { rows, teamNames: new Map(ofTeams.map(({ id, name }) => [id, name])) };
}

export async function listConnections(ctx: OrgContext, origin: string) {
  const { rows, teamNames } = await readAll(ctx);
  return {
    connections: rows.map((row) => toConnection(row, teamNames, ctx.org.name, origin)),
    redirectUri: redirectUriFor(ctx.org.name, origin),
  };
}

/** @throws 404 */
export async function getConnection(ctx: OrgContext, id: string, origin: string): Promise<Connection> {
  const { rows, teamNames } = await readAll(ctx);
  const row = rows.find((one) => one.id === id);
  if (!row) throw notFound("Connection");
  return toConnection(row, teamNames, ctx.org.name, origin);
}

/** @throws 400 for an issuer that cannot be read, 409 for a provider and client that the organization already has */
export async function createConnection(
  ctx: OrgContext,
  request: z.infer<typeof CreateConnectionRequest>,
  origin: string,
): Promise<Connection> {
  const { kind = "oidc", name } = request;
  const { issuer, clientId, clientSecret, saml } = await (kind === "saml" ? samlParts(ctx, request, origin) : oauthParts(ctx, request));
  const { rows, teamNames } = await readAll(ctx);
  if (rows.length >= MOST_CONNECTIONS) throw badRequest(`an organization has at most ${MOST_CONNECTIONS} connections`);
  if (saml && rows.some((row) => row.saml && row.issuer === issuer)) throw alreadyThere();
  const id = crypto.randomUUID();
  const row: Row = {
    id,
    orgId: ctx.org.id,
    kind,
    name,
    issuer,
    clientId,
    clientSecret: saml ? "" : await sealSecret(ctx.env, id, clientSecret),
    saml,
    allowedDomains: unique(request.allowedDomains ?? []),
    firstRole: request.firstRole ?? "member",
    groupClaim: request.groupClaim ?? "",
    groupScope: request.groupScope ?? "",
    groupMappings: mappingsOf(request.groupMappings ?? [], teamNames),
    enabled: request.enabled ?? true,
    version: 1,
    createdAt: ctx.now,
    modifiedAt: ctx.now,
    madeWith: ctx.actor.token.id,
  };
  const event = changeEvent(ctx, `Added the connection "${name}" (${id}) to ${issuer}.`);
  try {
    await guarded(ctx, [ctx.store.db.insert(connections).values(row), nextSettings(ctx), auditStatement(ctx.store, event)]);
  } catch (error) {
    if (error instanceof UniqueViolation) throw alreadyThere();
    throw error;
  }
  relaySoon(ctx, event);
  return toConnection(row, teamNames, ctx.org.name, origin);
}

/**
 * Changes a connection. Disabling it ends the sessions and the personal tokens that it opened. @throws 404, 400, 409 for the last connection of an
 * organization that requires single sign-on
 */
export async function updateConnection(
  ctx: OrgContext,
  id: string,
  request: z.infer<typeof UpdateConnectionRequest>,
  origin: string,
): Promise<Connection> {
  const { rows, teamNames } = await readAll(ctx);
  const before = rows.find((one) => one.id === id);
  if (!before) throw notFound("Connection");
  const { clientSecret, groupMappings, allowedDomains, metadata, idpInitiated, ...others } = request;
  if (before.saml) refuseOAuth(request);
  else refuseSaml(request);
  const row: Row = {
    ...before,
    ...Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined)),
    ...(allowedDomains && { allowedDomains: unique(allowedDomains) }),
    ...(groupMappings && { groupMappings: mappingsOf(groupMappings, teamNames) }),
    ...(clientSecret !== undefined && { clientSecret: await sealSecret(ctx.env, id, clientSecret) }),
    saml: await changedSaml(ctx, before, { metadata, idpInitiated }),
  };
  const names = (Object.keys(row) as (keyof Row)[]).filter((name) => JSON.stringify(row[name]) !== JSON.stringify(before[name]));
  if (names.length === 0) return toConnection(before, teamNames, ctx.org.name, origin);
  const ends = before.enabled && !row.enabled;
  if (ends) requireAnother(ctx, rows, id);
  Object.assign(row, { version: before.version + 1, modifiedAt: ctx.now, madeWith: ctx.actor.token.id });
  const event = changeEvent(
    ctx,
    `Changed ${names.map((name) => inWords(name, before, row)).join("; ")} of the connection "${before.name}" (${id}).`,
  );
  const opened = endOpened(ctx, ends ? eq(identities.connectionId, id) : sql`0`);
  try {
    const [, , , ended] = await guarded(ctx, [
      ctx.store.db.update(connections).set(row).where(thatConnection(ctx, id)),
      nextSettings(ctx),
      auditStatement(ctx.store, event),
      opened,
    ]);
    await afterEnd(ctx, ended);
  } catch (error) {
    if (error instanceof UniqueViolation) throw alreadyThere();
    throw error;
  }
  relaySoon(ctx, event);
  return toConnection(row, teamNames, ctx.org.name, origin);
}

/**
 * Deletes a connection with the identities of its people. Their accounts and memberships stay; their sessions and the personal tokens that it opened end.
 * @throws 404, 409 for the last connection of an organization that requires single sign-on
 */
export async function deleteConnection(ctx: OrgContext, id: string): Promise<void> {
  const { rows } = await readAll(ctx);
  const row = rows.find((one) => one.id === id);
  if (!row) throw notFound("Connection");
  if (row.enabled) requireAnother(ctx, rows, id);
  const event = changeEvent(ctx, `Deleted the connection "${row.name}" (${id}) to ${row.issuer}, with the identities of its people.`);
  const which = eq(identities.connectionId, id);
  const { db } = ctx.store;
  const [ended] = await guarded(ctx, [
    endOpened(ctx, which),
    db.delete(tokenAuthorizations).where(sql`${tokenAuthorizations.identityId} IN (SELECT identities.id FROM identities WHERE ${which})`),
    db.delete(identities).where(which),
    db.update(teamMembers).set({ connectionId: null }).where(eq(teamMembers.connectionId, id)),
    db
      .update(members)
      .set({ roleConnectionId: null })
      .where(and(eq(members.orgId, ctx.org.id), eq(members.roleConnectionId, id))),
    db.delete(connections).where(thatConnection(ctx, id)),
    nextSettings(ctx),
    auditStatement(ctx.store, event),
  ]);
  await afterEnd(ctx, ended);
  relaySoon(ctx, event);
}

async function afterEnd(ctx: OrgContext, ended: { id: string; hash: string }[]): Promise<void> {
  await forgetIdentities(
    ctx.env.TOKEN_CACHE,
    ended.map(({ hash }) => hash),
  );
  if (ended.length > 0) await ctx.tokensEnded({ tokenIds: ended.map(({ id }) => id) });
}

export const changeEvent = (ctx: OrgContext, description: string) =>
  auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), { event: "saml-configuration-updated", description });

/**
 * Each change counts as a change of the settings, so that two changes at the same time are checked one after the other. A call that changes
 * nothing must not count.
 * @param changes SQL condition that is true if there is something to change
 */
export const nextSettings = (ctx: OrgContext, changes: SQL = sql`1`) =>
  ctx.store.db
    .update(organizations)
    .set({ settingsVersion: sql`${organizations.settingsVersion} + 1` })
    .where(and(eq(organizations.id, ctx.org.id), changes));

const alreadyThere = () => conflict("the organization already has a connection to this issuer with this client id");

const unique = (names: string[]) => [...new Set(names)];

/** @throws 400 for an unknown team: a team that another provisioning fills cannot be mapped */
function mappingsOf(sent: SentMapping[], teamNames: Map<string, string>): GroupMapping[] {
  const ids = new Map([...teamNames].map(([id, name]) => [name.toLowerCase(), id]));
  return sent.map((mapping) => {
    if ("role" in mapping) return { group: mapping.group, role: "admin" };
    const teamId = ids.get(mapping.team.toLowerCase());
    if (!teamId) throw badRequest(`the organization has no team '${mapping.team.slice(0, 100)}' that groups can be mapped to`);
    return { group: mapping.group, teamId };
  });
}

/** Without a connection, only emergency administrators could sign in. @throws 409 */
function requireAnother(ctx: OrgContext, rows: Row[], id: string): void {
  if (settingsOf(ctx).ssoRequired === "off" || rows.some((row) => row.enabled && row.id !== id)) return;
  throw conflict("the organization requires single sign-on, and this is its last connection: switch the requirement off first");
}

function inWords(name: keyof Row, before: Row, after: Row): string {
  if (name === "clientSecret") return "the client secret";
  if (name === "saml") return samlInWords(before.saml!, after.saml!);
  const say = (value: unknown) => JSON.stringify(value).slice(0, 300);
  return `${name} from ${say(before[name])} to ${say(after[name])}`;
}
