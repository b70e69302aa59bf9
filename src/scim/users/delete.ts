import { and, eq, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { auditEvent, auditStatement, whoIs } from "../../audit/record.ts";
import { relaySoon } from "../../audit/relaySoon.ts";
import { guarded } from "../../auth/guard.ts";
import { failUnless } from "../../db/client.ts";
import { identities } from "../../sso/table.ts";
import { stackGrants } from "../../teams/table.ts";
import { nothing } from "../answer.ts";
import { type ScimCall, requireMatch } from "../call.ts";
import { scimGroupMembers, scimGroups, scimUsers } from "../table.ts";
import { attributesOf, inWords, lastAdminStays, settle } from "./change.ts";
import { readSurroundings } from "./find.ts";
import { leave, mayLeave, tokensOfPerson } from "./membership.ts";
import { isUnchanged, readUser } from "./read.ts";

/**
 * Deletes a user: the person loses the access as by a deactivation, and the links to the identity provider end. The account, its history and what
 * it made stay (identity-facts C-36). @throws 404 when it is repeated, 409 for the last administrator, 412
 */
export async function deleteUser(call: ScimCall, id: string): Promise<Response> {
  const { ctx } = call;
  const { db } = ctx.store;
  const current = await readUser(ctx, id);
  requireMatch(call, current);
  const around = await readSurroundings(ctx, current, { ...attributesOf(current), active: false });
  if (current.active && around.isLastAdmin) throw await lastAdminStays(ctx, current);
  const { userId } = current;
  const account = around.login && `: account ${around.login} has no access any more`;
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "scim-user-deleted",
    description: `Deleted user ${inWords(current)}${account}.`,
  });
  const statements: BatchItem<"sqlite">[] = [
    db.select({ holds: failUnless(isUnchanged(current)) }).from(sql`(SELECT 1)`),
    ...(userId && current.active ? [mayLeave(ctx, userId)] : []),
    db
      .update(scimUsers)
      .set({ active: false, former: sql`NULL`, deletedAt: ctx.now, version: sql`${scimUsers.version} + 1` })
      .where(eq(scimUsers.id, id)),
    ...(userId && current.active ? leave(ctx, userId) : []),
    db
      .update(scimGroups)
      .set({ version: sql`${scimGroups.version} + 1`, modifiedAt: ctx.now })
      .where(sql`${scimGroups.teamId} IN (SELECT team_id FROM scim_group_members WHERE scim_user_id = ${id})`),
    db.delete(scimGroupMembers).where(eq(scimGroupMembers.scimUserId, id)),
    ...(userId
      ? [
          db.delete(identities).where(and(eq(identities.orgId, ctx.org.id), eq(identities.userId, userId))),
          // A deactivation had kept them. A person who is a member again by other means keeps them.
          db.delete(stackGrants).where(
            and(
              eq(stackGrants.granteeKind, "user"),
              eq(stackGrants.granteeId, userId),
              sql`${stackGrants.stackId} IN (SELECT id FROM stacks WHERE org_id = ${ctx.org.id})
                AND NOT EXISTS (SELECT 1 FROM members WHERE org_id = ${ctx.org.id} AND user_id = ${userId})`,
            ),
          ),
        ]
      : []),
    auditStatement(ctx.store, event),
  ];
  const [tokens] = await guarded(ctx, [tokensOfPerson(ctx, userId ?? ""), ...statements] as [
    ReturnType<typeof tokensOfPerson>,
    ...BatchItem<"sqlite">[],
  ]);
  await settle(ctx, tokens, userId !== null);
  relaySoon(ctx, event);
  return nothing();
}
