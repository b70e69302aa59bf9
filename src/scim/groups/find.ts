import { and, eq, isNotNull, sql } from "drizzle-orm";
import { guarded } from "../../auth/guard.ts";
import type { OrgContext } from "../../context.ts";
import { teams } from "../../teams/table.ts";
import { firstFree, teamNamesFor } from "../account.ts";
import { invalidValue, notUnique } from "../fault.ts";
import type { GroupAttributes, MemberChange } from "../group.ts";
import { folded } from "../members.ts";
import { scimGroups } from "../table.ts";
import { differenceQueries } from "./members.ts";
import { type StoredGroup, isHere } from "./read.ts";

/** Maximum number of unknown members that an error names. */
const MOST_NAMED = 5;

/**
 * Reads what a write of a group depends on.
 * @param current undefined for a new group
 * @returns who would join and leave, a name for a new team, and the team of a deleted group with the same display name
 * @throws 409 if another group has the name or the external id, 400 for members that do not exist
 */
export async function readSurroundings(ctx: OrgContext, current: StoredGroup | undefined, wanted: GroupAttributes, change: MemberChange) {
  const { db } = ctx.store;
  const names = teamNamesFor(wanted.displayName, crypto.randomUUID().replaceAll("-", ""));
  const ids = JSON.stringify(change.add);
  const [collisions, kept, taken, unknown, joining, leaving] = await guarded(ctx, [
    db
      .select({ nameKey: scimGroups.nameKey })
      .from(scimGroups)
      .where(
        and(
          isHere(ctx),
          sql`${scimGroups.id} <> ${current?.id ?? ""}`,
          sql`(${scimGroups.nameKey} = ${folded(wanted.displayName)} OR ${scimGroups.externalId} = ${wanted.externalId})`,
        ),
      )
      .limit(1),
    db
      .select({ id: scimGroups.id, teamId: scimGroups.teamId, teamName: sql<string>`teams.name`.as("team_name") })
      .from(scimGroups)
      .innerJoin(teams, eq(teams.id, scimGroups.teamId))
      .where(and(eq(scimGroups.orgId, ctx.org.id), isNotNull(scimGroups.deletedAt), eq(scimGroups.nameKey, folded(wanted.displayName))))
      .orderBy(sql`${scimGroups.deletedAt} DESC`)
      .limit(1),
    db
      .select({ name: teams.name })
      .from(teams)
      .where(sql`org_id = ${ctx.org.id} AND lower(name) IN (SELECT lower(value) FROM json_each(${JSON.stringify(names)}))`),
    db
      .select({ id: sql<string>`value`.as("unknown_id") })
      .from(sql`json_each(${ids})`)
      .where(sql`value NOT IN (SELECT id FROM scim_users WHERE org_id = ${ctx.org.id} AND deleted_at IS NULL)`)
      .limit(MOST_NAMED + 1),
    ...differenceQueries(ctx, current?.teamId ?? null, change),
  ]);
  if (collisions[0])
    throw collisions[0].nameKey === folded(wanted.displayName)
      ? notUnique(`Another group has the displayName "${wanted.displayName}".`)
      : notUnique(`Another group has the externalId "${wanted.externalId}".`);
  if (unknown.length > 0) {
    const named = unknown.slice(0, MOST_NAMED).map((row) => JSON.stringify(row.id.slice(0, 100)));
    throw invalidValue(
      `These members do not exist: ${named.join(", ")}${unknown.length > MOST_NAMED ? " and more" : ""}. Nothing was changed.`,
    );
  }
  return {
    joining: joining.map(({ userName }) => userName),
    leaving: leaving.map(({ userName }) => userName),
    kept: kept[0],
    teamName:
      current === undefined
        ? (kept[0]?.teamName ??
          firstFree(
            names,
            taken.map(({ name }) => name),
          ))
        : "",
  };
}
