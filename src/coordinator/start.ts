import { and, eq, inArray, sql } from "drizzle-orm";
import { auditEvent, auditIf, changedARow, describedBy, whoIs } from "../audit/record.ts";
import { guard } from "../auth/guard.ts";
import { batch } from "../db/client.ts";
import { conflict, notFound } from "../errors.ts";
import { auditName, pathText, stackAt, stackNotFound } from "../stacks/path.ts";
import type { Tags } from "../stacks/schema.ts";
import { stacks } from "../stacks/table.ts";
import { replaceTags } from "../stacks/tags.ts";
import type { StackCall, StackContext } from "./context.ts";
import { whatItIs } from "../audit/behalf.ts";
import { endLostStart } from "./lostStarts.ts";
import type { Run } from "./storage/runs.ts";
import { updates } from "../updates/table.ts";

export interface StartUpdate extends StackCall {
  updateId: string;
  /** The tags that replace all tags of the stack; undefined keeps them (cli-protocol §4.3.2). */
  tags: Tags | undefined;
  /** The client can journal. */
  journaling: boolean;
  cliVersion: string;
  /** Milliseconds. */
  leaseTime: number;
}

export interface StartAnswer {
  version: number;
  journaling: boolean;
  expiresAt: number;
}

/**
 * Starts an update if its row belongs to this stack and is not started, and if no other update runs; a preview may run beside one. It makes
 * one durable write in D1, then one in the object. If the object crashes in between, the next change of the stack ends the update in D1.
 */
export async function startRun(ctx: StackContext, input: StartUpdate, occupied: boolean): Promise<StartAnswer> {
  const { store, runs } = ctx;
  const { updateId, orgId, path, now } = input;
  const who = whoIs(input.actor);
  const event = auditEvent(input, orgId, who, {
    event: "stack-update-started",
    description: "",
    stack: auditName(path),
  });
  const here = stackAt(orgId, path);
  const stackId = sql`(SELECT id FROM ${stacks} WHERE ${here})`;
  const mine = sql`(SELECT stack_id FROM updates WHERE id = ${updateId} AND status = 'running' AND started_at = ${now})`;
  const mineAlone = sql`(SELECT stack_id FROM updates WHERE id = ${updateId} AND status = 'running' AND started_at = ${now} AND dry_run = 0)`;

  const lost = endLostStart(store, input, updateId);
  const described = sql`'Started ' || (SELECT ${whatItIs} FROM updates WHERE id = ${updateId}) || ${` of stack "${pathText(path)}" (${updateId}).`}`;

  const before = [guard(store, input.actor, now, orgId), ...(occupied ? [] : lost.statements)] as const;
  const results = await batch(store, [
    ...before,
    store.db
      .update(updates)
      // The update belongs to the caller that starts it, which may not be the one that created it: it ends when the starter's token does.
      .set({
        status: "running",
        requestedBy: who.userLogin,
        tokenId: who.tokenId,
        tokenName: who.tokenName,
        startedAt: now,
        version: sql`(SELECT version FROM ${stacks} WHERE ${here}) + 1 - ${updates.dryRun}`,
      })
      .where(
        and(
          eq(updates.id, updateId),
          sql`${updates.stackId} = ${stackId}`,
          // "running": the answer to its first start was lost, and this is the client's second attempt.
          inArray(updates.status, ["not started", "running"]),
          occupied ? eq(updates.dryRun, true) : undefined,
        ),
      )
      .returning({ started: updates.id }),
    auditIf(store, event, changedARow, describedBy(event, described)),
    store.db
      .update(stacks)
      .set({ runningUpdate: updateId, activeUpdate: updateId })
      .where(sql`${stacks.id} = ${mineAlone}`),
    ...(input.tags ? replaceTags(store, mine, input.tags) : []),
    store.db
      .select({
        stackId: updates.stackId,
        kind: updates.kind,
        dryRun: updates.dryRun,
        status: updates.status,
        version: updates.version,
        cliVersion: sql<string | null>`json_extract(${updates.environment}, '$."pulumi.version"')`.as("cli_version"),
        isHere: sql<number>`${updates.stackId} = ${stackId}`.as("is_here"),
      })
      .from(updates)
      .where(eq(updates.id, updateId)),
    store.db.select({ id: stacks.id, stateKey: stacks.stateKey, aliasFree: stacks.aliasFree }).from(stacks).where(here),
  ]);
  const started = results[before.length] as { started: string }[];
  const [row] = results.at(-2) as {
    stackId: string;
    kind: Run["kind"];
    dryRun: boolean;
    status: string;
    version: number | null;
    cliVersion: string | null;
    isHere: number | null;
  }[];
  const [stack] = results.at(-1) as { id: string; stateKey: string | null; aliasFree: boolean }[];
  if (!started[0]) {
    if (!stack) throw stackNotFound(path);
    if (!row || row.isHere !== 1) throw notFound(`Update '${updateId.slice(0, 100)}'`);
    if (row.status === "not started") throw conflict("Another update is currently in progress.");
    throw conflict(row.status === "running" ? "The Update has already started" : "The Update has already completed");
  }

  const run: Run = {
    updateId,
    phase: "running",
    ending: null,
    kind: row!.kind,
    dryRun: row!.dryRun,
    journaling: input.journaling && !row!.dryRun,
    orgId,
    path,
    stackId: stack!.id,
    version: row!.version ?? 0,
    baseKey: stack!.stateKey,
    baseAliasFree: stack!.aliasFree,
    cliVersion: row!.cliVersion ?? input.cliVersion,
    who,
    address: input.address,
    startedAt: now,
    expiresAt: now + input.leaseTime,
    endedAt: 0,
    checkpoint: null,
  };
  runs.save(run);
  if (occupied) ctx.relaySoon(event);
  else ctx.relaySoon(lost.event, event);
  return { version: run.version, journaling: run.journaling, expiresAt: run.expiresAt };
}
