import { and, eq } from "drizzle-orm";
import type * as z from "zod/mini";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { builtInRoleNames } from "./builtIn.ts";
import { builtInSets } from "./builtInSets.ts";
import { builtInRole, builtInSet, jsonAnswer, organizationOf, shownColumns, toJson } from "./record.ts";
import type { uxPurpose } from "./schema.ts";
import { customRoles } from "./table.ts";

/** Lists the records of one purpose, the built-in ones first. It needs no pages, because their number and length are bounded (`create.ts`). */
export async function listRoles(ctx: OrgContext, purpose: z.infer<typeof uxPurpose>): Promise<Response> {
  const [[org], rows] = await guarded(ctx, [
    organizationOf(ctx),
    ctx.store.db
      .select(shownColumns)
      .from(customRoles)
      .where(and(eq(customRoles.orgId, ctx.org.id), eq(customRoles.uxPurpose, purpose)))
      .orderBy(customRoles.createdAt, customRoles.id),
  ]);
  const builtIn =
    purpose === "role"
      ? builtInRoleNames.map((role) => builtInRole(ctx, role, org!))
      : purpose === "set"
        ? builtInSets.map((set) => builtInSet(ctx, set, org!))
        : [];
  const records = [...builtIn.map((record) => JSON.stringify(record)), ...rows.map((row) => toJson(ctx.org.id, row))];
  return jsonAnswer(`{"roles":[${records.join(",")}]}`);
}
