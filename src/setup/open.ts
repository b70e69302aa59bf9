import { type SQL, sql } from "drizzle-orm";
import type { RequestContext } from "../context.ts";
import { type Store, batch, openStore } from "../db/client.ts";
import { everyPlace } from "../db/places.ts";
import type { Bindings } from "../env.ts";
import { AppError } from "../errors.ts";

/** SQL condition: the database has no organization yet. */
export const isOpen: SQL = sql`NOT EXISTS (SELECT 1 FROM organizations)`;

/** Whether the first organization can be made now. Other databases are asked only if the directory has none. */
export async function isSetupOpen({ env, store }: RequestContext): Promise<boolean> {
  return (await isOpenIn(store)) && (await isOpenElsewhere(env));
}

/** Whether no database but the directory has an organization. */
export const isOpenElsewhere = async (env: Bindings): Promise<boolean> =>
  (
    await Promise.all(
      everyPlace(env)
        .slice(1)
        .map((at) => isOpenIn(openStore(at))),
    )
  ).every((open) => open);

async function isOpenIn(store: Store): Promise<boolean> {
  const [rows] = await batch(store, [store.db.select({ open: sql<number>`${isOpen}`.as("open") }).from(sql`(SELECT 1)`)]);
  return rows[0]!.open === 1;
}

/** The refusal for a visitor once the deployment has an organization: the setup is over. */
export const isOver = () => new AppError(404, "There is no such page.");

/** @throws 404 once there is an organization */
export async function requireOpen(ctx: RequestContext): Promise<void> {
  if (!(await isSetupOpen(ctx))) throw isOver();
}
