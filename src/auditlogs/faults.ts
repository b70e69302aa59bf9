import { eq } from "drizzle-orm";
import { auditFaults } from "../audit/table.ts";
import { guarded } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { MOST_FAULTS } from "./check.ts";

/** The faults that the daily check has found in the organization's log and has found again each time since, in the order of the chain. */
export async function listFaults(ctx: OrgContext) {
  const [rows] = await guarded(ctx, [
    ctx.store.db.select().from(auditFaults).where(eq(auditFaults.orgId, ctx.org.id)).orderBy(auditFaults.seq).limit(MOST_FAULTS),
  ]);
  return rows.map(({ seq: sequence, fault, foundAt }) => ({ sequence, fault, foundAt }));
}
