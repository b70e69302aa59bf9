import { and, eq, sql } from "drizzle-orm";
import { announce } from "../audit/announce.ts";
import { auditEvent, promiseIf, whoIs } from "../audit/record.ts";
import { guard } from "../auth/guard.ts";
import type { OrgContext } from "../context.ts";
import { batch } from "../db/client.ts";
import { notFound } from "../errors.ts";
import { emptyDeployment } from "../state/checkpoint.ts";
import { updates } from "../updates/table.ts";
import { readObject } from "./objects.ts";
import { type StackPath, auditName, pathText, stackAt, stackExists, stackNotFound } from "./path.ts";
import { stacks } from "./table.ts";

/**
 * The deployment as text, now or after update number `version`. While an update runs this is its pinned base: positions
 * in its journal refer to exactly this answer (cli-protocol §4.4).
 */
export async function exportStack(ctx: OrgContext, path: StackPath, version?: number): Promise<Response> {
  const { db } = ctx.store;
  const here = stackAt(ctx.org.id, path);
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "stack-exported",
    description: `Exported the state of stack "${pathText(path)}"${version === undefined ? "" : ` at version ${version}`}.`,
    stack: auditName(path),
  });
  const ofVersion = and(
    sql`${updates.stackId} = (SELECT id FROM ${stacks} WHERE ${here})`,
    eq(updates.dryRun, false),
    eq(updates.version, version ?? -1),
    sql`${updates.endedAt} IS NOT NULL`,
  );
  const isThere = version === undefined ? stackExists(ctx.org.id, path) : sql`EXISTS (SELECT 1 FROM ${updates} WHERE ${ofVersion})`;
  const [, found, versions] = await batch(ctx.store, [
    guard(ctx.store, ctx.actor, ctx.now, ctx.org.id),
    db.select({ id: stacks.id, stateKey: stacks.stateKey }).from(stacks).where(here),
    db.select({ stateKey: updates.stateKey }).from(updates).where(ofVersion),
    promiseIf(ctx.store, event, isThere),
  ]);
  const stack = found[0];
  if (!stack) throw stackNotFound(path);
  const at = version === undefined ? stack : versions[0];
  if (!at) throw notFound(`Version ${version} of stack '${pathText(path)}'`);
  announce(ctx, event);

  const headers = { "Content-Type": "application/json" };
  if (at.stateKey === null) return new Response(emptyDeployment, { headers });
  return new Response((await readObject(ctx.env.STATE, at.stateKey)).body, { headers });
}
