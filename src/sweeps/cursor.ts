import { eq } from "drizzle-orm";
import { type Store, batch } from "../db/client.ts";
import { sweeps } from "../updates/table.ts";

/** The position at which the sweep continues; "" is its beginning. */
export async function readCursor(store: Store, name: string): Promise<string> {
  const [rows] = await batch(store, [store.db.select({ cursor: sweeps.cursor }).from(sweeps).where(eq(sweeps.name, name))]);
  return rows[0]?.cursor ?? "";
}

export const writeCursor = (store: Store, name: string, cursor: string) =>
  store.db.insert(sweeps).values({ name, cursor }).onConflictDoUpdate({ target: sweeps.name, set: { cursor } });
