import { type SQL, sql } from "drizzle-orm";
import type * as z from "zod/mini";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, changedARow, auditIf, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { UniqueViolation } from "../db/client.ts";
import { AppError } from "../errors.ts";
import { requireScopes } from "./beyond.ts";
import { builtInRoles } from "./builtIn.ts";
import { builtInSets } from "./builtInSets.ts";
import { detailsIn, grantsIn, partsIn, scopesIn } from "./compile.ts";
import { shownRole } from "./get.ts";
import { jsonAnswer, toJson } from "./record.ts";
import { isRoom, noRoom } from "./room.ts";
import type { CreateRoleRequest } from "./schema.ts";
import { customRoles, roleParts } from "./table.ts";
import { relyOnRoles } from "./unchanged.ts";

/**
 * Creates a custom role or permission set.
 * @param text the JSON of the request, because the tree is stored as text
 * @throws 403 for rights that the caller does not have, 409 for a name that is taken
 */
export async function createRole(ctx: OrgContext, request: z.infer<typeof CreateRoleRequest>, text: string): Promise<Response> {
  const details = detailsIn(text);
  const parts = partsIn(ctx.org.id, request.details);
  requireFreeName(request.name);
  const stored = new Map(parts.length === 0 ? [] : await readGrants(ctx, parts));
  const grants = grantsIn(ctx.org.id, request.details, (id) => stored.get(id));
  await requireScopes(ctx, scopesIn(grants));
  const id = crypto.randomUUID();
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "custom-role-created",
    description: `Created role "${request.name}" (${id}).`,
  });
  const [, , , made] = await nameFree(
    guarded(ctx, [
      ctx.store.db.insert(customRoles).select(sql`SELECT ${id}, ${ctx.org.id}, ${request.name}, ${request.description ?? ""},
        ${request.resourceType ?? "organization"}, ${request.uxPurpose ?? "role"}, ${details}, ${JSON.stringify(grants)}, 1, ${ctx.now}, ${ctx.now}
        WHERE ${isRoom(ctx, [{ details, grants }])}`),
      auditIf(ctx.store, event, changedARow),
      ctx.store.db.insert(roleParts).select(partRows(id, parts)),
      shownRole(ctx, id),
    ]),
  );
  if (!made[0]) throw noRoom();
  relaySoon(ctx, event);
  return jsonAnswer(toJson(ctx.org.id, made[0]));
}

/** Reads the grants of custom records by id. It does not find records of other organizations. */
async function readGrants(ctx: OrgContext, ids: string[]) {
  const [rows] = await guarded(ctx, [grantsOf(ctx, sql`id IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`)]);
  relyOnRoles(ctx, rows);
  return rows.map(({ id, grants }) => [id, grants] as const);
}

export const grantsOf = (ctx: OrgContext, which: SQL) =>
  ctx.store.db
    .select({ id: customRoles.id, version: customRoles.version, grants: customRoles.grants })
    .from(customRoles)
    .where(sql`org_id = ${ctx.org.id} AND ${which}`);

/** SQL for the rows of `role_parts` of a record, if the record exists. */
export const partRows = (id: string, parts: string[]): SQL =>
  sql`SELECT ${id}, value FROM json_each(${JSON.stringify(parts)}) WHERE EXISTS (SELECT 1 FROM roles WHERE roles.id = ${id})`;

const builtInNames = new Set([...Object.values(builtInRoles), ...builtInSets].map(({ name }) => name.toLowerCase()));

/** The query of the custom record with that name; upper and lower case are equal. */
export const recordNamed = (ctx: OrgContext, name: string) =>
  ctx.store.db
    .select({ id: customRoles.id })
    .from(customRoles)
    .where(sql`org_id = ${ctx.org.id} AND lower(name) = lower(${name})`);

export const nameTaken = () => new AppError(409, "Role with this name already exists");

/** Requires a name that no built-in record has. @throws 409 */
export function requireFreeName(name: string): void {
  if (builtInNames.has(name.toLowerCase())) throw nameTaken();
}

/** Does work that fails when another record has the name. @throws 409 */
export async function nameFree<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof UniqueViolation ? nameTaken() : error;
  }
}
