import { inArray } from "drizzle-orm";
import { type Store, batch } from "../db/client.ts";
import { sweeps } from "../updates/table.ts";

/** The positions at which sweeps continue, by name. A sweep without one is at its beginning. */
export async function readCursors(store: Store, names: string[]): Promise<Partial<Record<string, string>>> {
  const [rows] = await batch(store, [store.db.select().from(sweeps).where(inArray(sweeps.name, names))]);
  return Object.fromEntries(rows.map(({ name, cursor }) => [name, cursor]));
}

/** The position at which the sweep continues; "" is its beginning. */
export const readCursor = async (store: Store, name: string): Promise<string> => (await readCursors(store, [name]))[name] ?? "";

export const writeCursor = (store: Store, name: string, cursor: string) =>
  store.db.insert(sweeps).values({ name, cursor }).onConflictDoUpdate({ target: sweeps.name, set: { cursor } });
