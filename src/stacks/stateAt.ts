import { and, eq, sql } from "drizzle-orm";
import { relaySoon, relayStoredSoon } from "../audit/relaySoon.ts";
import { type AuditEvent, auditEvent, auditIf, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import type { StackRef } from "../auth/policy.ts";
import type { OrgContext } from "../context.ts";
import { notFound } from "../errors.ts";
import { emptyDeployment } from "../state/checkpoint.ts";
import { encode } from "../state/json/json.ts";
import { rename } from "../state/rename.ts";
import { updates } from "../updates/table.ts";
import { once, readChunks } from "./objects.ts";
import { type StackPath, auditName, pathText, stackAt, stackExists, stackNotFound } from "./path.ts";
import { stacks } from "./table.ts";

const RENAMED = "Renamed from ";

/** Message of the update that renames a stack. `namesBefore` reads the old names from it. */
export const renameMessage = (from: StackPath, to: StackPath) => `${RENAMED}${auditName(from)} to ${auditName(to)}`;

function namesBefore(message: string): StackRef | undefined {
  const [, projectName, stackName] = /^Renamed from ([^/ ]+)\/([^/ ]+) to /.exec(message) ?? [];
  return projectName !== undefined && stackName !== undefined ? { projectName, stackName } : undefined;
}

export interface StoredState {
  /** R2 key; null before the first state. */
  stateKey: string | null;
  version: number;
  /**
   * Names of the stack in that state, if it was renamed or transferred since. The name that the organization had at that time is not known.
   */
  namesThen?: StackRef;
}

/**
 * Finds a stack's current state, or the one after update number `version`, for a caller that reads all or a part of it. The audit log
 * records this as an export of `what`.
 */
export async function takeState(ctx: OrgContext, path: StackPath, version: number | undefined, what: string): Promise<StoredState> {
  const event = exported(ctx, path, `${what} of stack "${pathText(path)}"${version === undefined ? "" : ` at version ${version}`}`);
  if (version === undefined) return takeCurrent(ctx, path, event);
  const at = lookFor(ctx, path, version);
  const [found, versions, moves] = await guarded(ctx, [...at.statements, auditIf(ctx.store, event, at.isThere)]);
  const state = at.stateIn(found, versions, moves);
  relaySoon(ctx, event);
  return state;
}

/** The current state needs no history: the statement that writes the event also returns where the state is. */
async function takeCurrent(ctx: OrgContext, path: StackPath, event: AuditEvent): Promise<StoredState> {
  const here = stackAt(ctx.org.id, path);
  const [[state]] = await guarded(ctx, [
    auditIf(ctx.store, event, stackExists(ctx.org.id, path)).returning({
      stateKey: sql<string | null>`(SELECT state_key FROM ${stacks} WHERE ${here})`.as("state_key"),
      version: sql<number>`(SELECT version FROM ${stacks} WHERE ${here})`.as("version"),
    }),
  ]);
  if (!state) throw stackNotFound(path);
  relayStoredSoon(ctx, event);
  return state;
}

/** Finds the states after two updates, for a caller that compares them. The audit log records this as one export. */
export async function takeStates(ctx: OrgContext, path: StackPath, from: number, to: number): Promise<[StoredState, StoredState]> {
  const event = exported(ctx, path, `the state of stack "${pathText(path)}" at versions ${from} and ${to}, to compare them`);
  const [first, second] = [lookFor(ctx, path, from), lookFor(ctx, path, to)];
  const [found, versions, moves, , laterVersions, laterMoves] = await guarded(ctx, [
    ...first.statements,
    ...second.statements,
    auditIf(ctx.store, event, sql`${first.isThere} AND ${second.isThere}`),
  ]);
  const states: [StoredState, StoredState] = [first.stateIn(found, versions, moves), second.stateIn(found, laterVersions, laterMoves)];
  relaySoon(ctx, event);
  return states;
}

/** Finds the state after update number `version` for work that shows nothing of it to the caller and has an audit event of its own. */
export async function findState(ctx: OrgContext, path: StackPath, version: number): Promise<StoredState> {
  const at = lookFor(ctx, path, version);
  const [found, versions, moves] = await guarded(ctx, [...at.statements]);
  return at.stateIn(found, versions, moves);
}

/**
 * Reads a state as text. A state from before a rename or transfer is read with the stack's current names: with the old ones the client could
 * not decrypt its secrets and, after an import, would not find its resources.
 */
export async function readState(
  { env }: OrgContext,
  path: StackPath,
  { stateKey, namesThen }: StoredState,
): Promise<AsyncGenerator<Uint8Array, void>> {
  if (stateKey === null) return once(encode(emptyDeployment));
  const chunks = await readChunks(env.STATE, stateKey);
  if (!namesThen) return chunks;
  const from = { owner: "", project: namesThen.projectName, stack: namesThen.stackName };
  return rename(chunks, from, { owner: path.orgName, project: path.projectName, stack: path.stackName });
}

const exported = (ctx: OrgContext, path: StackPath, what: string) =>
  auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "stack-exported",
    description: `Exported ${what}.`,
    stack: auditName(path),
  });

/** The statements that find a state, the condition for it to exist, and the function that reads it from their results. */
function lookFor(ctx: OrgContext, path: StackPath, version: number | undefined) {
  const { db } = ctx.store;
  const here = stackAt(ctx.org.id, path);
  const stackId = sql`(SELECT id FROM ${stacks} WHERE ${here})`;
  const ofVersion = and(
    sql`${updates.stackId} = ${stackId}`,
    eq(updates.dryRun, false),
    eq(updates.version, version ?? -1),
    sql`${updates.endedAt} IS NOT NULL`,
  );
  const statements = [
    db.select({ stateKey: stacks.stateKey, version: stacks.version }).from(stacks).where(here),
    db.select({ stateKey: updates.stateKey }).from(updates).where(ofVersion),
    db
      .select({ message: updates.message })
      .from(updates)
      .where(
        and(
          sql`${updates.stackId} = ${stackId}`,
          eq(updates.kind, "rename"),
          sql`${updates.dryRun} = 0 AND ${updates.version} > ${version ?? Number.MAX_SAFE_INTEGER}`,
        ),
      )
      // The message of a rename has the old names. A transfer changes neither the project's nor the stack's name, so it is used only if
      // there is no rename.
      .orderBy(sql`${updates.message} LIKE ${`${RENAMED}%`} DESC`, updates.version)
      .limit(1),
  ] as const;
  return {
    statements,
    isThere: version === undefined ? stackExists(ctx.org.id, path) : sql`EXISTS (SELECT 1 FROM ${updates} WHERE ${ofVersion})`,
    /** @throws 404 when there is no such stack or version */
    stateIn(
      [stack]: { stateKey: string | null; version: number }[],
      [found]: { stateKey: string | null }[],
      [move]: { message: string }[],
    ): StoredState {
      if (!stack) throw stackNotFound(path);
      const at = version === undefined ? stack : found;
      if (!at) throw notFound(`Version ${version} of stack '${pathText(path)}'`);
      return { stateKey: at.stateKey, version: version ?? stack.version, ...(move && { namesThen: namesBefore(move.message) ?? path }) };
    },
  };
}
