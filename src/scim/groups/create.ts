import { and, eq, isNotNull, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { auditEvent, auditStatement, whoIs } from "../../audit/record.ts";
import { relaySoon } from "../../audit/relaySoon.ts";
import { guarded } from "../../auth/guard.ts";
import { failUnless } from "../../db/client.ts";
import { teams } from "../../teams/table.ts";
import type { ScimCall } from "../call.ts";
import { readGroup as readAttributes } from "../group.ts";
import { folded } from "../members.ts";
import { scimGroups } from "../table.ts";
import { answerGroup } from "./answer.ts";
import { readSurroundings } from "./find.ts";
import { changeMembers, people } from "./members.ts";

/**
 * Creates a group with its team. If a group of that name was deleted and its team was kept, the group gets that team, with its roles, grants and
 * tokens. @throws 409, 400 for members that do not exist
 */
export async function createGroup(call: ScimCall): Promise<Response> {
  const { ctx } = call;
  const { db } = ctx.store;
  const { group, members } = readAttributes(call.body);
  const { kept, teamName, joining } = await readSurroundings(ctx, undefined, group, members);
  const id = crypto.randomUUID();
  const teamId = kept?.teamId ?? crypto.randomUUID();
  const row = {
    id,
    orgId: ctx.org.id,
    teamId,
    nameKey: folded(group.displayName),
    externalId: group.externalId,
    createdAt: ctx.now,
    modifiedAt: ctx.now,
    version: 1,
    deletedAt: null,
  };
  const whose = people(" with", joining).join("");
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: kept ? "team-updated" : "team-created",
    description: kept
      ? `Gave team "${teamName}" to the new group ${JSON.stringify(group.displayName)} of the identity provider${whose}.`
      : `Created team "${teamName}" for the group ${JSON.stringify(group.displayName)} of the identity provider${whose}.`,
  });
  const first: BatchItem<"sqlite">[] = kept
    ? [
        db
          .select({
            holds: failUnless(
              sql`EXISTS (SELECT 1 FROM ${scimGroups} WHERE ${and(eq(scimGroups.id, kept.id), isNotNull(scimGroups.deletedAt))})`,
            ),
          })
          .from(sql`(SELECT 1)`),
        db.update(scimGroups).set(row).where(eq(scimGroups.id, kept.id)),
        db.update(teams).set({ displayName: group.displayName }).where(eq(teams.id, teamId)),
      ]
    : [
        db.insert(teams).values({
          id: teamId,
          orgId: ctx.org.id,
          name: teamName,
          displayName: group.displayName,
          description: "",
          kind: "scim",
          createdAt: ctx.now,
        }),
        db.insert(scimGroups).values(row),
      ];
  await guarded(ctx, [auditStatement(ctx.store, event), ...first, ...changeMembers(ctx, sql`${teamId}`, members)]);
  relaySoon(ctx, event);
  return answerGroup(call, { ...row, displayName: group.displayName, teamName, members: members.add.length }, 201);
}
