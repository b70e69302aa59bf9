import { applyD1Migrations, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { enforceRowLimits, enforceStatementLimits } from "./d1Limits.ts";

/**
 * Empties all bindings. Work that an earlier test left behind may hold the database while it is deleted, and then
 * nothing happens: so this looks, and tries again.
 */
export async function freshBindings(): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    await reset();
    const tables = await env.DB.prepare("SELECT count(*) AS n FROM sqlite_master").first<number>("n");
    if (tables === 0) {
      await emptyBucket();
      await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
      enforceStatementLimits();
      await enforceRowLimits();
      return;
    }
    await scheduler.wait(20);
  }
  throw new Error("the bindings could not be emptied");
}

/** What an upload of an earlier test wrote while the bindings were emptied. */
async function emptyBucket(): Promise<void> {
  const { objects } = await env.STATE.list();
  if (objects.length > 0) await env.STATE.delete(objects.map(({ key }) => key));
}
