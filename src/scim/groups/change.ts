import { and, eq, sql } from "drizzle-orm";
import { auditEvent, auditStatement, whoIs } from "../../audit/record.ts";
import { relaySoon } from "../../audit/relaySoon.ts";
import { guarded } from "../../auth/guard.ts";
import { failUnless } from "../../db/client.ts";
import { teams } from "../../teams/table.ts";
import { type ScimCall, requireMatch } from "../call.ts";
import { type GroupAttributes, MOST_MEMBERS, type MemberChange, tooManyMembers } from "../group.ts";
import { folded } from "../members.ts";
import { scimGroups } from "../table.ts";
import { readSurroundings } from "./find.ts";
import { changeMembers, people } from "./members.ts";
import { type StoredGroup, isHere } from "./read.ts";

/**
 * Gives a group the wanted attributes and changes its members, in one batch. The name of its team stays, so tokens and rules that have it remain
 * valid (identity-facts C-32). @throws 409, 400 for members that do not exist, 412
 */
export async function changeGroup(
  call: ScimCall,
  current: StoredGroup,
  wanted: GroupAttributes,
  members: MemberChange,
): Promise<StoredGroup> {
  const { ctx, headers } = call;
  const { db } = ctx.store;
  requireMatch(call, current);
  const { joining, leaving } = await readSurroundings(ctx, current, wanted, members);
  if (current.members + joining.length - leaving.length > MOST_MEMBERS) throw tooManyMembers();
  const changes = [...changesBetween(current, wanted), ...people("added", joining), ...people("removed", leaving)];
  if (changes.length === 0) return current;
  const changed = { externalId: wanted.externalId, modifiedAt: ctx.now };
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "team-updated",
    description: `Changed team "${current.teamName}" by its group ${JSON.stringify(current.displayName)}: ${changes.join("; ")}.`,
  });
  const that = and(eq(scimGroups.id, current.id), isHere(ctx));
  // Only a client that names a version is refused because another client made a change meanwhile.
  const version = headers.get("If-Match") === null ? undefined : eq(scimGroups.version, current.version);
  await guarded(ctx, [
    db.select({ holds: failUnless(sql`EXISTS (SELECT 1 FROM ${scimGroups} WHERE ${and(that, version)})`) }).from(sql`(SELECT 1)`),
    db
      .update(scimGroups)
      .set({ ...changed, nameKey: folded(wanted.displayName), version: sql`${scimGroups.version} + 1` })
      .where(that),
    db.update(teams).set({ displayName: wanted.displayName }).where(eq(teams.id, current.teamId)),
    ...changeMembers(ctx, sql`${current.teamId}`, members),
    auditStatement(ctx.store, event),
  ]);
  relaySoon(ctx, event);
  return { ...current, ...changed, displayName: wanted.displayName, version: current.version + 1 };
}

function changesBetween(before: StoredGroup, after: GroupAttributes): string[] {
  const changed = (what: string, from: string | null, to: string | null) =>
    from === to ? [] : [`${what} from ${JSON.stringify(from)} to ${JSON.stringify(to)}`];
  return [
    ...changed("display name", before.displayName, after.displayName),
    ...changed("external id", before.externalId, after.externalId),
  ];
}
