import { type SQL, and, eq, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import type * as z from "zod/mini";
import type { ScopeGrant } from "../access/descriptor.ts";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, changedARow, auditIf, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { failUnless } from "../db/client.ts";
import { badRequest } from "../errors.ts";
import { requireScopes } from "./beyond.ts";
import { findRole } from "./builtIn.ts";
import { findSet } from "./builtInSets.ts";
import { detailsIn, grantsIn, partsIn, scopesIn } from "./compile.ts";
import { grantsOf, nameFree, nameTaken, partRows, recordNamed, requireFreeName } from "./create.ts";
import { readCustomRole, shownRole } from "./get.ts";
import { jsonAnswer, thatRole, toJson } from "./record.ts";
import { type WrittenRecord, isRoom, noRoom } from "./room.ts";
import type { UpdateRoleRequest } from "./schema.ts";
import { customRoles, roleParts } from "./table.ts";
import { relyOnRoles } from "./unchanged.ts";

/** Maximum number of records that include a record, directly or through others. Its change compiles all of them again. */
const MOST_ABOVE = 100;

/**
 * Changes a custom record, its holders' rights, and the records that include it, in one transaction.
 * @param text the JSON of the request, because the tree is stored as text
 * @throws 400 for a record that would include itself, 403 for rights that the caller does not have, 409 for a name that is taken
 */
export async function updateRole(ctx: OrgContext, id: string, request: z.infer<typeof UpdateRoleRequest>, text: string): Promise<Response> {
  if (findRole(ctx.org.id, id) || findSet(ctx.org.id, id)) throw badRequest("a built-in role cannot be changed");
  const before = await readCustomRole(ctx, id);
  if (request.name) requireFreeName(request.name);
  await requireScopes(ctx, [], scopesIn(before.grants));
  const change = request.details === undefined || request.details === null ? undefined : await compile(ctx, id, request.details, text);
  if (change) await requireScopes(ctx, scopesIn(change.grants));
  const after = {
    name: request.name ?? before.name,
    description: request.description ?? before.description,
    ...(change && { details: change.details }),
    // A trigger on this column makes the cached identities of the holders invalid, with the new version of the record.
    grants: change?.grants ?? before.grants,
    version: before.version + 1,
    modifiedAt: ctx.now,
  };
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "custom-role-updated",
    description: `Changed role "${before.name}" (${id}): ${differences(before, after, change !== undefined)}.`,
  });
  const [changed, , shown, named] = await nameFree(
    guarded(ctx, [
      ctx.store.db
        .update(customRoles)
        .set(after)
        .where(and(thatRole(ctx, id), change && hasRoom(ctx, id, change)))
        .returning({ id: customRoles.id }),
      auditIf(ctx.store, event, changedARow),
      shownRole(ctx, id),
      recordNamed(ctx, after.name),
      ...(change ? rewritten(ctx, id, change) : []),
    ]),
  );
  // Only in a dry run: a change would have failed at the unique index.
  if ((named as { id: string }[]).some((record) => record.id !== id)) throw nameTaken();
  // The guards have checked that no other call changed it meanwhile. So the record was not written because the organization's records have
  // reached their limit.
  const row = (shown as (typeof before)[])[0];
  if (!(changed as unknown[])[0] || !row) throw noRoom();
  relaySoon(ctx, event);
  return jsonAnswer(toJson(ctx.org.id, row));
}

function differences(before: { name: string; description: string }, after: { name: string; description: string }, isRewritten: boolean) {
  const changed = [
    ...(before.name === after.name ? [] : [`its name is "${after.name}" now`]),
    ...(before.description === after.description ? [] : ["its description"]),
    ...(isRewritten ? ["its definition"] : []),
  ];
  return changed.join("; ") || "nothing";
}

interface Change {
  details: string;
  grants: ScopeGrant[];
  parts: string[];
  /** The records that include this one, by id, with their new grants. */
  above: Map<string, WrittenRecord>;
}

const hasRoom = (ctx: OrgContext, id: string, { details, grants, above }: Change): SQL =>
  isRoom(ctx, [{ details, grants }, ...above.values()], [id, ...above.keys()]);

async function compile(ctx: OrgContext, id: string, tree: unknown, text: string): Promise<Change> {
  const orgId = ctx.org.id;
  const details = detailsIn(text);
  const parts = partsIn(orgId, tree);
  const [including, stored] = await guarded(ctx, [
    ctx.store.db
      .select({ id: customRoles.id, version: customRoles.version, details: customRoles.details })
      .from(customRoles)
      .where(sql`id IN ${idsAbove(id)}`),
    grantsOf(
      ctx,
      sql`id IN (SELECT value FROM json_each(${JSON.stringify(parts)}) UNION SELECT part_id FROM role_parts WHERE role_id IN ${idsAbove(id)})`,
    ),
  ]);
  relyOnRoles(ctx, [...including, ...stored]);
  if (including.length > MOST_ABOVE) throw badRequest(`more than ${MOST_ABOVE} roles and permission sets include this one`);
  const trees = new Map(including.map((record) => [record.id, record.details]));
  if (parts.some((part) => part === id || trees.has(part))) throw badRequest("a role cannot include itself, not even through other roles");
  const known = new Map(stored.filter((record) => record.id !== id && !trees.has(record.id)).map((record) => [record.id, record.grants]));
  const grantsById = (part: string): ScopeGrant[] | undefined => {
    const granted = known.get(part);
    const written = trees.get(part);
    if (granted || written === undefined) return granted;
    const made = grantsIn(orgId, JSON.parse(written), grantsById);
    known.set(part, made);
    return made;
  };
  const grants = grantsIn(orgId, tree, grantsById);
  known.set(id, grants);
  return {
    details,
    grants,
    parts,
    above: new Map([...trees].map(([one, written]) => [one, { details: written, grants: grantsById(one)! }])),
  };
}

const idsAbove = (id: string): SQL => sql`(WITH RECURSIVE above(id) AS (SELECT role_id FROM role_parts WHERE part_id = ${id}
  UNION SELECT role_id FROM role_parts JOIN above ON part_id = above.id) SELECT id FROM above)`;

/** Writes the grants of the records above. It fails if another record has started to include this one since they were read. */
function rewritten(ctx: OrgContext, id: string, change: Change): BatchItem<"sqlite">[] {
  const { db } = ctx.store;
  const { parts, above } = change;
  // This condition is true before and after the record was written, because it is about all other records.
  const isWritten = hasRoom(ctx, id, change);
  const isRead = sql`NOT EXISTS (SELECT id FROM ${idsAbove(id)} EXCEPT SELECT value FROM json_each(${JSON.stringify([...above.keys()])}))`;
  return [
    db.select({ holds: failUnless(isRead) }).from(sql`(SELECT 1)`),
    db.delete(roleParts).where(and(eq(roleParts.roleId, id), isWritten)),
    db.insert(roleParts).select(sql`${partRows(id, parts)} AND ${isWritten}`),
    ...[...above].map(([one, { grants }]) =>
      db
        .update(customRoles)
        .set({ grants, version: sql`version + 1`, modifiedAt: ctx.now })
        .where(and(thatRole(ctx, one), isWritten)),
    ),
  ];
}
