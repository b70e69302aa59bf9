import { type SQL, and, eq, isNull, ne, sql } from "drizzle-orm";
import { type AuditEvent, auditEvent, auditIf, changedARow, whoIs } from "../audit/record.ts";
import { guard } from "../auth/guard.ts";
import { UniqueViolation, batch, isRefused } from "../db/client.ts";
import { conflict } from "../errors.ts";
import { newStateKey, readChunks, writeObject } from "../stacks/objects.ts";
import { type StackPath, auditName, pathText, stackAt, stackNotFound } from "../stacks/path.ts";
import { renameMessage } from "../stacks/stateAt.ts";
import { stackTags, stacks } from "../stacks/table.ts";
import { creatorGrant } from "../teams/creatorGrant.ts";
import { stackGrants } from "../teams/table.ts";
import { type Names, rename } from "../state/rename.ts";
import { insertUpdateRow, overAtOnce } from "./insertUpdateRow.ts";
import { lastConfig } from "./lastConfig.ts";
import { endLostStart } from "./lostStarts.ts";
import type { StackCall, StackContext } from "./context.ts";
import { updates } from "../updates/table.ts";
import { webhooks } from "../webhooks/table.ts";

export interface MoveStack extends StackCall {
  updateId: string;
  to: StackPath;
  /** For a rename this is the same organization, for a transfer another one. The actor's rights in both are checked in the same batch. */
  toOrgId: string;
}

/**
 * Renames or transfers a stack: writes its state with the new names, then makes it the next version and moves the stack with one batch. Id,
 * keys, history and tags stay. If two stacks are moved to one path at the same time, the database's unique index refuses the second.
 */
export async function moveStack(ctx: StackContext, input: MoveStack): Promise<undefined> {
  await leaveRuns(ctx);
  const baseKey = await pinState(ctx, input);
  const stateKey = baseKey === null ? null : newStateKey();
  try {
    if (baseKey !== null && stateKey !== null) {
      const before = await readChunks(ctx.env.STATE, baseKey);
      await writeObject(ctx.env.STATE, stateKey, rename(before, namesOf(input.path), namesOf(input.to)));
    }
    await commit(ctx, input, baseKey, stateKey);
  } catch (error) {
    if (isRefused(error) && stateKey !== null) await ctx.env.STATE.delete(stateKey).catch(() => undefined);
    if (error instanceof UniqueViolation) throw taken(input.to);
    throw error;
  }
  return undefined;
}

/** Writes the events of all runs to R2: callers of the new path ask another object, which does not have these runs. */
async function leaveRuns({ env, events, runs }: StackContext): Promise<void> {
  for (const run of runs.all()) {
    await events.keep(env.STATE, run.updateId);
    if (run.phase !== "done") runs.save(Object.assign(run, { moved: true as const }));
  }
}

const namesOf = ({ orgName, projectName, stackName }: StackPath): Names => ({ owner: orgName, project: projectName, stack: stackName });

const taken = (path: StackPath) => conflict(`Stack '${pathText(path)}' already exists`);

function guards({ store }: StackContext, { actor, now, orgId, toOrgId }: MoveStack) {
  // Rights on the stack itself count only in the organization that it leaves, and not in the new one.
  const { onStack: _onStack, ...inTarget } = actor;
  return [guard(store, actor, now, orgId), guard(store, orgId === toOrgId ? actor : inTarget, now, toOrgId)] as const;
}

/** Returns the key of the state to rewrite. It cannot change meanwhile, because only this object changes the stack. */
async function pinState(ctx: StackContext, input: MoveStack): Promise<string | null> {
  const { orgId, path, toOrgId, to } = input;
  const { db } = ctx.store;
  const [, , found, others] = await batch(ctx.store, [
    ...guards(ctx, input),
    db.select({ stateKey: stacks.stateKey }).from(stacks).where(stackAt(orgId, path)),
    db
      .select({ id: stacks.id })
      .from(stacks)
      .where(
        and(
          eq(stacks.orgId, toOrgId),
          sql`lower(${stacks.project}) = lower(${to.projectName})`,
          sql`lower(${stacks.name}) = lower(${to.stackName})`,
          isNull(stacks.deletedAt),
          ne(stacks.id, sql`(SELECT id FROM ${stacks} WHERE ${stackAt(orgId, path)})`),
        ),
      ),
  ]);
  if (!found[0]) throw stackNotFound(path);
  if (others[0]) throw taken(to);
  return found[0].stateKey;
}

async function commit(ctx: StackContext, input: MoveStack, baseKey: string | null, stateKey: string | null): Promise<void> {
  const { store } = ctx;
  const { updateId, orgId, path, toOrgId, to, now, actor } = input;
  const here = and(stackAt(orgId, path), sql`${stacks.stateKey} IS ${baseKey}`);
  const moved = sql`(SELECT id FROM ${stacks} WHERE ${stacks.activeUpdate} = ${updateId})`;
  const events = eventsOf(input);
  const lost = endLostStart(store, input);
  ctx.departure.note(Date.now());
  const results = await batch(store, [
    ...guards(ctx, input),
    ...lost.statements,
    insertUpdateRow(store, here, {
      ...overAtOnce(actor, now),
      id: updateId,
      kind: "rename",
      message: messageOf(input),
      config: lastConfig,
      resourceCount: sql`${stacks.resourceCount}`,
      stateKey,
    }),
    ...events.map((event) => auditIf(store, event, changedARow)),
    store.db
      .update(stacks)
      .set({
        orgId: toOrgId,
        project: to.projectName,
        name: to.stackName,
        version: sql`${stacks.version} + 1`,
        stateKey,
        activeUpdate: updateId,
        lastUpdateAt: now,
      })
      .where(here),
    store.db
      .update(stackTags)
      .set({ value: to.projectName })
      .where(and(eq(stackTags.stackId, moved), eq(stackTags.name, "pulumi:project"))),
    ...(isTransfer(input) ? [...giveToMover(store, input, moved), ...endWebhooks(store, input, moved)] : []),
    store.db.select({ id: updates.id }).from(updates).where(eq(updates.id, updateId)),
  ]);
  const created = results.at(-1) as { id: string }[];
  if (!created[0]) throw stackNotFound(path);
  ctx.relaySoon(lost.event, ...events);
}

/** Grants belong to the old organization and end. In the new one, the caller gets the grant of a creator. */
const giveToMover = (store: StackContext["store"], { actor, now }: MoveStack, moved: SQL) => [
  store.db.delete(stackGrants).where(sql`${stackGrants.stackId} = ${moved}`),
  creatorGrant(store, actor, moved, now),
];

/** Webhooks of the old organization would report events of the new one, so they end. */
const endWebhooks = (store: StackContext["store"], { orgId }: MoveStack, moved: SQL) => [
  store.db.delete(webhooks).where(and(eq(webhooks.orgId, orgId), sql`${webhooks.stackId} = ${moved}`)),
];

const isTransfer = ({ orgId, toOrgId }: MoveStack) => orgId !== toOrgId;

const messageOf = (input: MoveStack) =>
  isTransfer(input) ? `Transferred from ${input.path.orgName}` : renameMessage(input.path, input.to);

/** Returns one event for a rename, and for a transfer one event for each of the two organizations. */
function eventsOf(input: MoveStack): AuditEvent[] {
  const { orgId, path, toOrgId, to, actor } = input;
  const who = whoIs(actor);
  const [was, is] = [pathText(path), pathText(to)];
  if (!isTransfer(input))
    return [
      auditEvent(input, orgId, who, { event: "stack-renamed", description: `Renamed stack "${was}" to "${is}".`, stack: auditName(path) }),
    ];
  const entry = {
    event: "stack-transferred-to-organization",
    description: `Transferred stack "${was}" to organization ${to.orgName}.`,
    stack: auditName(path),
  } as const;
  return [orgId, toOrgId].map((id) => auditEvent(input, id, who, entry));
}
