import { type SQL, and, eq, inArray, sql } from "drizzle-orm";
import { type AuditEvent, auditEvent, auditIf, changedARow, describedBy, promisedColumns, whoIs } from "../audit/record.ts";
import { guard } from "../auth/guard.ts";
import { batch } from "../db/client.ts";
import type { StackFacts } from "../context.ts";
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
  stackId: string;
  version: number;
  journaling: boolean;
  expiresAt: number;
}

/** The answer of the database about an update that it has started, and about its stack. */
interface Started {
  stackId: string;
  kind: Run["kind"];
  dryRun: boolean;
  version: number | null;
  cliVersion: string | null;
  stateKey: string | null;
  aliasFree: boolean;
  /** The state refers to no other stack; undefined if that is not known. */
  refersToNone?: boolean;
  /** The stack before the start; undefined if that is not known. */
  stack?: Pick<StackFacts, "version" | "activeUpdate" | "config" | "tags">;
}

/**
 * Starts an update if its row belongs to this stack and is not started, and if no other update runs; a preview may run beside one. It makes
 * one durable write in D1, then one in the object. If the object crashes in between, the next change of the stack ends the update in D1.
 */
export async function startRun(
  ctx: StackContext,
  input: StartUpdate,
  holder: Run | undefined,
): Promise<{ answer: StartAnswer; stack?: StackFacts }> {
  const occupied = holder !== undefined;
  const event = auditEvent(input, input.orgId, whoIs(input.actor), {
    event: "stack-update-started",
    description: "",
    stack: auditName(input.path),
  });
  const started = (await startFirst(ctx, input, occupied, event)) ?? (await startAgain(ctx, input, occupied, event));
  const { updateId, now } = input;
  const run: Run = {
    updateId,
    phase: "running",
    ending: null,
    kind: started.kind,
    dryRun: started.dryRun,
    journaling: input.journaling && !started.dryRun,
    orgId: input.orgId,
    path: input.path,
    stackId: started.stackId,
    version: started.version ?? 0,
    baseKey: started.stateKey,
    baseAliasFree: started.aliasFree,
    ...(started.refersToNone && { baseRefersToNone: true as const }),
    cliVersion: started.cliVersion ?? input.cliVersion,
    who: whoIs(input.actor),
    address: input.address,
    startedAt: now,
    expiresAt: now + input.leaseTime,
    endedAt: 0,
    checkpoint: null,
  };
  ctx.runs.save(run);
  const answer = { stackId: run.stackId, version: run.version, journaling: run.journaling, expiresAt: run.expiresAt };
  return { answer, ...(started.stack && { stack: factsOf(started.stack, run, input, run.dryRun ? holder : run) }) };
}

/** The stack after the start. @param holder the run that holds it now */
const factsOf = (before: NonNullable<Started["stack"]>, run: Run, { tags }: StartUpdate, holder: Run | undefined): StackFacts => ({
  ...before,
  id: run.stackId,
  activeUpdate: run.dryRun ? before.activeUpdate : run.updateId,
  tags: tags ?? before.tags,
  ...(holder && {
    currentOperation: { kind: holder.kind, author: holder.who.userLogin, started: Math.floor(holder.startedAt / 1000) },
  }),
});

const cliVersion = sql<string | null>`json_extract(${updates.environment}, '$."pulumi.version"')`;

/**
 * The usual start: the update was never started, and the database knows of no other update that runs. @returns undefined when that is not so,
 * and nothing was changed
 */
async function startFirst(ctx: StackContext, input: StartUpdate, occupied: boolean, event: AuditEvent): Promise<Started | undefined> {
  const { store } = ctx;
  const { actor, now, orgId, path } = input;
  const ofStack = <T>(column: SQL) => sql<T>`(SELECT ${column} FROM stacks WHERE ${stackAt(orgId, path)})`;
  const { start, audit, hold } = startStatements(ctx, input, event);
  const [, rows, promised] = await batch(store, [
    guard(store, actor, now, orgId),
    start(
      sql`updates.status = 'not started' AND ${occupied ? sql`updates.dry_run = 1` : sql`${ofStack(sql`running_update`)} IS NULL`}`,
    ).returning({
      stackId: updates.stackId,
      kind: updates.kind,
      dryRun: updates.dryRun,
      version: updates.version,
      cliVersion: cliVersion.as("cli_version"),
      state: ofStack<string>(sql`json_object('stateKey', state_key, 'aliasFree', alias_free, 'refersToNone',
        NOT EXISTS (SELECT 1 FROM stack_references WHERE stack_references.stack_id = stacks.id))`).as("state_now"),
      stack: ofStack<string>(sql`json_object('version', version, 'activeUpdate', active_update, 'config', config, 'tags',
        (SELECT json(json_group_object(name, value)) FROM stack_tags WHERE stack_tags.stack_id = stacks.id))`).as("stack_now"),
    }),
    audit,
    ...hold,
  ]);
  const row = rows[0];
  if (!row) return undefined;
  ctx.relayPromised(promised);
  const state = JSON.parse(row.state) as { stateKey: string | null; aliasFree: number; refersToNone: number };
  return {
    ...row,
    stateKey: state.stateKey,
    aliasFree: state.aliasFree === 1,
    refersToNone: state.refersToNone === 1,
    stack: JSON.parse(row.stack) as NonNullable<Started["stack"]>,
  };
}

/** A start that is repeated, or that follows an update whose start was lost. @throws 404 or 409 when the update cannot be started */
async function startAgain(ctx: StackContext, input: StartUpdate, occupied: boolean, event: AuditEvent): Promise<Started> {
  const { store } = ctx;
  const { updateId, orgId, path, now } = input;
  const here = stackAt(orgId, path);
  const stackId = sql`(SELECT id FROM ${stacks} WHERE ${here})`;
  const lost = endLostStart(store, input, updateId);
  const { start, audit, hold } = startStatements(ctx, input, event);
  const before = [guard(store, input.actor, now, orgId), ...(occupied ? [] : lost.statements)] as const;
  const results = await batch(store, [
    ...before,
    // "running": the answer to its first start was lost, and this is the client's second attempt.
    start(and(inArray(updates.status, ["not started", "running"]), occupied ? eq(updates.dryRun, true) : undefined)).returning({
      started: updates.id,
    }),
    audit,
    ...hold,
    store.db
      .select({
        stackId: updates.stackId,
        kind: updates.kind,
        dryRun: updates.dryRun,
        status: updates.status,
        version: updates.version,
        cliVersion: cliVersion.as("cli_version"),
        isHere: sql<number>`${updates.stackId} = ${stackId}`.as("is_here"),
      })
      .from(updates)
      .where(eq(updates.id, updateId)),
    store.db.select({ id: stacks.id, stateKey: stacks.stateKey, aliasFree: stacks.aliasFree }).from(stacks).where(here),
  ]);
  const started = results[before.length] as { started: string }[];
  const [row] = results.at(-2) as (Omit<Started, "stateKey" | "aliasFree"> & { status: string; isHere: number | null })[];
  const [stack] = results.at(-1) as { id: string; stateKey: string | null; aliasFree: boolean }[];
  if (!started[0]) {
    if (!stack) throw stackNotFound(path);
    if (!row || row.isHere !== 1) throw notFound(`Update '${updateId.slice(0, 100)}'`);
    if (row.status === "not started") throw conflict("Another update is currently in progress.");
    throw conflict(row.status === "running" ? "The Update has already started" : "The Update has already completed");
  }
  if (occupied) ctx.relaySoon(event);
  else ctx.relaySoon(lost.event, event);
  return { ...row!, stackId: stack!.id, stateKey: stack!.stateKey, aliasFree: stack!.aliasFree };
}

/** The statements that start the update, for a batch. */
function startStatements({ store }: StackContext, { updateId, orgId, path, now, actor, tags }: StartUpdate, event: AuditEvent) {
  const who = whoIs(actor);
  const here = stackAt(orgId, path);
  const mine = (more: SQL = sql``) =>
    sql`(SELECT stack_id FROM updates WHERE id = ${updateId} AND status = 'running' AND started_at = ${now}${more})`;
  const described = sql`'Started ' || (SELECT ${whatItIs} FROM updates WHERE id = ${updateId}) || ${` of stack "${pathText(path)}" (${updateId}).`}`;
  return {
    start: (may: SQL | undefined) =>
      store.db
        .update(updates)
        // The update belongs to the caller that starts it, which may not be the one that created it: it ends when the starter's token does.
        .set({
          status: "running",
          requestedBy: who.userLogin,
          tokenId: who.tokenId,
          tokenName: who.tokenName,
          startedAt: now,
          version: sql`(SELECT version FROM stacks WHERE ${here}) + 1 - updates.dry_run`,
        })
        .where(and(sql`updates.id = ${updateId} AND updates.stack_id = (SELECT id FROM stacks WHERE ${here})`, may)),
    audit: auditIf(store, event, changedARow, describedBy(event, described)).returning(promisedColumns),
    hold: [
      store.db
        .update(stacks)
        .set({ runningUpdate: updateId, activeUpdate: updateId })
        .where(sql`stacks.id = ${mine(sql` AND dry_run = 0`)}`),
      ...(tags ? replaceTags(store, mine(), tags) : []),
    ],
  };
}
