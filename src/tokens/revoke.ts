import { and, eq, sql } from "drizzle-orm";
import { auditEvent, whoIs } from "../audit/record.ts";
import { guard, guardMemberships, guardsOf } from "../auth/guard.ts";
import { type OrgContext, type PersonContext, acceptedOf } from "../context.ts";
import { administeredBy } from "../lineage/below.ts";
import { reportOf } from "../lineage/report.ts";
import { revokeWithDescendants } from "../lineage/revoke.ts";
import { thatToken, withPredecessors } from "./get.ts";
import { type TokenOwner, theOrganization } from "./owner.ts";
import { noteDeletion } from "./revocation.ts";
import { accessTokens } from "./table.ts";

/**
 * Deletes an organization or team token and everything that descends from it in its organization. What its predecessors by rotation created
 * descends from it too.
 */
export async function revokeOrgToken(ctx: OrgContext, id: string, reason = "", owner: TokenOwner = theOrganization) {
  const one = thatToken(ctx, id, owner);
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), { event: `${owner.kind}-token-deleted`, description: "" });
  const rows = await revokeWithDescendants(ctx, {
    id,
    what: "Token",
    one,
    line: withPredecessors(one),
    guards: guardsOf(ctx),
    event,
    orgIds: [ctx.org.id],
    adminOf: [ctx.org.id],
    sentence: sql`(SELECT 'Deleted ' || kind || ' token "' || name || '" (' || id || ')' FROM access_tokens WHERE id = ${id})`,
    more: reason && ` Reason: ${reason}`,
    orgId: ctx.org.id,
  });
  const receipt = await noteDeletion(ctx, id).catch(() => undefined);
  return { report: reportOf(ctx.actor, rows), receipt };
}

/**
 * Deletes one of the caller's own tokens and everything that descends from it in every organization: a person is responsible for a
 * credential wherever it was used.
 */
export async function revokePersonalToken(ctx: PersonContext, id: string) {
  const { actor, store } = ctx;
  const rows = await revokeWithDescendants(ctx, {
    id,
    what: "Token",
    one: and(eq(accessTokens.id, id), eq(accessTokens.userId, actor.user.id), eq(accessTokens.kind, "personal"))!,
    guards: [guard(store, actor, ctx.now), guardMemberships(store, actor)],
    event: auditEvent(ctx, "", whoIs(actor), { event: "personal-token-deleted", description: "" }),
    orgIds: acceptedOf(actor).map(({ org }) => org.id),
    adminOf: administeredBy(actor),
    sentence: sql`${`Deleted a personal token (${id})`}`,
  });
  return reportOf(actor, rows);
}
