import { sql } from "drizzle-orm";
import type * as z from "zod/mini";
import { relaySoon } from "../audit/relaySoon.ts";
import { type AuditEvent, auditEvent, auditStatement, whoIs } from "../audit/record.ts";
import { guard, guardMemberships, guarded } from "../auth/guard.ts";
import { settingsOf } from "../auth/policy.ts";
import { newTokenValue, peppersOf } from "../auth/secret.ts";
import { type OrgContext, type PersonContext, type UserActor, acceptedOf, loginOf } from "../context.ts";
import { UniqueViolation, batch, failUnless } from "../db/client.ts";
import { AppError, badRequest } from "../errors.ts";
import { findRole } from "../roles/builtIn.ts";
import { givenRole } from "../roles/given.ts";
import { nameTaken, tokenNamed } from "./nameTaken.ts";
import { type TokenOwner, theOrganization } from "./owner.ts";
import { type CreateOrgAccessTokenRequest, type CreatePersonalAccessTokenRequest, expiryFault } from "./schema.ts";
import { type TokenRole, accessTokens } from "./table.ts";

/**
 * Creates a machine token of the organization or of one of its teams. Only the answer contains the token's value. The batch fails if the
 * team was deleted meanwhile.
 * @throws 409 if a token has or had the name, even a deleted one: in the audit log, a name always means the same token
 */
export async function createOrgToken(
  ctx: OrgContext,
  request: z.infer<typeof CreateOrgAccessTokenRequest>,
  reason = "",
  owner: TokenOwner = theOrganization,
) {
  const { role, roleId, roleName } = await roleAskedFor(ctx, request);
  const { maxTokenExpiryDays } = settingsOf(ctx);
  const fault = scopeFault(role, request.stacks) ?? expiryFault(request.expires, ctx.now, maxTokenExpiryDays, ctx.org.name);
  if (fault) throw badRequest(fault);

  const { value, hash } = await newTokenValue(peppersOf(ctx.env.TOKEN_PEPPER), ctx.store.place);
  const id = crypto.randomUUID();
  const kind = role === "member" ? `${owner.kind} token` : `${role} ${owner.kind} token`;
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: `${owner.kind}-token-created`,
    description: `Created ${kind} "${request.name}" (${id})${owner.kind === "team" ? ` of team "${owner.name}"` : ""}${roleName === null ? "" : ` with the role "${roleName}"`}.${reason && ` Reason: ${reason}`}`,
  });
  try {
    const [, , , named] = await guarded(ctx, [
      ctx.store.db.select({ holds: failUnless(stands(owner)) }).from(sql`(SELECT 1)`),
      ctx.store.db.insert(accessTokens).values({
        id,
        kind: owner.kind,
        orgId: ctx.org.id,
        ...(owner.kind === "team" && { team: owner.name, teamId: owner.id }),
        name: request.name,
        description: request.description,
        hash,
        role,
        roleId,
        createdAt: ctx.now,
        createdBy: loginOf(ctx.actor),
        madeWith: ctx.actor.token.id,
        expiresAt: request.expires,
        displayName: request.displayName ?? "",
        stackRules: request.stacks ?? null,
        allowedCidrs: request.ipAllowList ?? [],
        allowedCountries: request.countryAllowList ?? [],
        mayRotateItself: request.mayRotateItself ?? false,
      }),
      auditStatement(ctx.store, event),
      tokenNamed(ctx, request.name),
    ]);
    // Only in a dry run: the creation would have failed at the unique index.
    if (named.some((token) => token.id !== id)) throw new UniqueViolation();
  } catch (error) {
    if (error instanceof UniqueViolation) throw await nameTaken(ctx, request.name);
    throw error;
  }
  relaySoon(ctx, event);
  return { id, tokenValue: value };
}

/** SQL condition: the team still exists. It may have been deleted since it was read. */
const stands = (owner: TokenOwner) => (owner.kind === "team" ? sql`EXISTS (SELECT 1 FROM teams WHERE id = ${owner.id})` : sql`1`);

/** `roleID` selects the role, else `admin` does; they must not contradict each other (management-api §3.4). */
export async function roleAskedFor(
  ctx: OrgContext,
  { admin, roleID }: { admin?: boolean | null | undefined; roleID?: string | null | undefined },
): Promise<{ role: TokenRole; roleId: string | null; roleName: string | null }> {
  if (!roleID) return { role: admin ? "admin" : "member", roleId: null, roleName: null };
  const role = findRole(ctx.org.id, roleID);
  if (role && (!admin || role === "admin")) return { role, roleId: null, roleName: null };
  if (role || admin) throw invalidRole();
  const { name } = await givenRole(ctx, { fgaRoleId: roleID }, "built-in");
  return { role: "member", roleId: roleID, roleName: name };
}

const invalidRole = () => new AppError(400, "Invalid parameter 'roleID'.");

/** Refuses a limit on stacks for an admin token, because an administrator has rights on all stacks. */
export const scopeFault = (role: TokenRole, rules: unknown) =>
  rules && role === "admin" ? "an admin token cannot be limited to stacks" : undefined;

/**
 * Creates a personal token, which has its person's rights in all organizations, also in those that the person joins later. The logs of all
 * these organizations record it. A token that is created with a credential of one organization is valid in that organization only, and a token
 * that is created after a sign-in through an identity provider ends when the person's identity there is removed.
 */
export async function createPersonalToken(ctx: PersonContext, request: z.infer<typeof CreatePersonalAccessTokenRequest>, reason = "") {
  const fault = expiryFault(request.expires, ctx.now);
  if (fault) throw badRequest(fault);

  const { value, hash } = await newTokenValue(peppersOf(ctx.env.TOKEN_PEPPER), ctx.store.place);
  const id = crypto.randomUUID();
  const events = eventsEverywhere(ctx, "personal-token-created", `Created a personal token (${id}).${reason && ` Reason: ${reason}`}`);
  await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now),
    guardMemberships(ctx.store, ctx.actor),
    ctx.store.db.insert(accessTokens).values({
      id,
      kind: "personal",
      userId: ctx.actor.user.id,
      name: "",
      description: request.description,
      hash,
      createdAt: ctx.now,
      createdBy: ctx.actor.user.login,
      madeWith: ctx.actor.token.id,
      expiresAt: request.expires,
      onlyOrgId: ctx.actor.limits.onlyOrgId,
      identityId: identityOf(ctx.actor),
    }),
    ...events.map((event) => auditStatement(ctx.store, event)),
  ]);
  relaySoon(ctx, ...events);
  return { id, tokenValue: value };
}

/** SQL for the identity that began the descent of the caller's credential. */
export const identityOf = ({ token }: UserActor) => sql`(SELECT identity_id FROM access_tokens AS maker WHERE maker.id = ${token.id})`;

/**
 * One event for each organization whose membership the person accepted, as the request's identity lists them. The batch must contain
 * `guardMemberships` before them.
 */
export const eventsEverywhere = (
  ctx: PersonContext,
  event: "personal-token-created" | "personal-token-deleted" | "user-session-ended",
  description: string,
): AuditEvent[] => acceptedOf(ctx.actor).map(({ org }) => auditEvent(ctx, org.id, whoIs(ctx.actor), { event, description }));
