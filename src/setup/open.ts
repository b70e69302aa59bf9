import { type SQL, sql } from "drizzle-orm";
import type { RequestContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { AppError } from "../errors.ts";

/** SQL condition: the deployment has no organization yet. */
export const isOpen: SQL = sql`NOT EXISTS (SELECT 1 FROM organizations)`;

/** Whether the first organization can be made now. */
export async function isSetupOpen({ store }: RequestContext): Promise<boolean> {
  const [rows] = await batch(store, [store.db.select({ open: sql<number>`${isOpen}`.as("open") }).from(sql`(SELECT 1)`)]);
  return rows[0]!.open === 1;
}

/** What a visitor of a deployment with an organization is told: there is no setup any more. */
export const isOver = () => new AppError(404, "There is no such page.");

/** @throws 404 once there is an organization */
export async function requireOpen(ctx: RequestContext): Promise<void> {
  if (!(await isSetupOpen(ctx))) throw isOver();
}
