import { and, eq, sql } from "drizzle-orm";
import { relaySoon } from "../audit/relaySoon.ts";
import { auditEvent, auditIf, whoIs } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import type { StackRef } from "../auth/policy.ts";
import type { OrgContext } from "../context.ts";
import { notFound } from "../errors.ts";
import { updates } from "../updates/table.ts";
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
  /** Names of the stack in that state, if it was renamed or transferred since. The organization's name then is not known. */
  namesThen?: StackRef;
}

/**
 * Finds a stack's current state, or the one after update number `version`, for a caller that reads all or a part of it. The audit log
 * records this as an export of `what`.
 */
export async function takeState(ctx: OrgContext, path: StackPath, version: number | undefined, what: string): Promise<StoredState> {
  const { db } = ctx.store;
  const here = stackAt(ctx.org.id, path);
  const event = auditEvent(ctx, ctx.org.id, whoIs(ctx.actor), {
    event: "stack-exported",
    description: `Exported ${what} of stack "${pathText(path)}"${version === undefined ? "" : ` at version ${version}`}.`,
    stack: auditName(path),
  });
  const ofVersion = and(
    sql`${updates.stackId} = (SELECT id FROM ${stacks} WHERE ${here})`,
    eq(updates.dryRun, false),
    eq(updates.version, version ?? -1),
    sql`${updates.endedAt} IS NOT NULL`,
  );
  const isThere = version === undefined ? stackExists(ctx.org.id, path) : sql`EXISTS (SELECT 1 FROM ${updates} WHERE ${ofVersion})`;
  const [found, versions, moves] = await guarded(ctx, [
    db.select({ stateKey: stacks.stateKey, version: stacks.version }).from(stacks).where(here),
    db.select({ stateKey: updates.stateKey }).from(updates).where(ofVersion),
    db
      .select({ message: updates.message })
      .from(updates)
      .where(
        and(
          sql`${updates.stackId} = (SELECT id FROM ${stacks} WHERE ${here})`,
          eq(updates.kind, "rename"),
          sql`${updates.dryRun} = 0 AND ${updates.version} > ${version ?? Number.MAX_SAFE_INTEGER}`,
        ),
      )
      // The message of a rename has the old names. A transfer changes neither the project's nor the stack's name, so it is used only if
      // there is no rename.
      .orderBy(sql`${updates.message} LIKE ${`${RENAMED}%`} DESC`, updates.version)
      .limit(1),
    auditIf(ctx.store, event, isThere),
  ]);
  const stack = found[0];
  if (!stack) throw stackNotFound(path);
  const at = version === undefined ? stack : versions[0];
  if (!at) throw notFound(`Version ${version} of stack '${pathText(path)}'`);
  relaySoon(ctx, event);
  const [move] = moves;
  return { stateKey: at.stateKey, version: version ?? stack.version, ...(move && { namesThen: namesBefore(move.message) ?? path }) };
}
