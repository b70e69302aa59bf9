import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { notFound } from "../errors.ts";
import { findRole } from "./builtIn.ts";
import { findSet } from "./builtInSets.ts";
import { builtInRole, builtInSet, jsonAnswer, organizationOf, shownColumns, thatRole, toJson } from "./record.ts";
import { customRoles } from "./table.ts";
import { relyOnRoles } from "./unchanged.ts";

/** @throws 404 for an unknown role and for one of another organization */
export async function getRole(ctx: OrgContext, id: string): Promise<Response> {
  const [[org], rows] = await guarded(ctx, [organizationOf(ctx), shownRole(ctx, id)]);
  const role = findRole(ctx.org.id, id);
  if (role) return jsonAnswer(JSON.stringify(builtInRole(ctx, role, org!)));
  const set = findSet(ctx.org.id, id);
  if (set) return jsonAnswer(JSON.stringify(builtInSet(ctx, set, org!)));
  if (!rows[0]) throw notFound("Role");
  return jsonAnswer(toJson(ctx.org.id, rows[0]));
}

/** The query of one custom record, with all columns of an answer. */
export const shownRole = (ctx: OrgContext, id: string) =>
  ctx.store.db
    .select({ ...shownColumns, grants: customRoles.grants })
    .from(customRoles)
    .where(thatRole(ctx, id));

/** Reads a custom record that will be changed or assigned. The later guards of the call fail if it has been changed meanwhile. @throws 404 */
export async function readCustomRole(ctx: OrgContext, id: string) {
  const [rows] = await guarded(ctx, [shownRole(ctx, id)]);
  if (!rows[0]) throw notFound("Role");
  relyOnRoles(ctx, rows);
  return rows[0];
}
