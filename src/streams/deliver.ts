import { type SQL, and, eq, sql } from "drizzle-orm";
import { nobody } from "../audit/behalf.ts";
import { listCheckpoints } from "../audit/checkpoint.ts";
import type { RecordedEvent } from "../audit/events.ts";
import { recordsFrom, selectFrom } from "../audit/fromChain.ts";
import { auditEvent, auditIf, changedARow } from "../audit/record.ts";
import { relayEvents } from "../audit/relay.ts";
import { auditHeads } from "../audit/table.ts";
import { type Store, batch, openStore } from "../db/client.ts";
import type { Bindings } from "../env.ts";
import { AppError } from "../errors.ts";
import { organizations } from "../orgs/table.ts";
import { isSealedWithOldKey } from "../secrets/sealed.ts";
import { MOST_RECORDS, firstBatch } from "./batch.ts";
import type { Credentials } from "./destination.ts";
import { delayAfter } from "../http/retry.ts";
import { sendMark } from "./mark.ts";
import { type KeyHolder, credentialsFor } from "./role.ts";
import { checkpointObject, s3Fault } from "./s3.ts";
import { open, seal } from "./seal.ts";
import { type Failure, post, sendBatch } from "./send.ts";
import { auditStreams } from "./table.ts";

/** A stream that has failed for this long, and at least so often, is paused. Milliseconds. */
const GIVES_UP_AFTER = 86_400_000;
const FAILURES = 10;

/** A stream that has sent nothing for this long checks its destination. Milliseconds. */
export const CHECKED_AFTER = 86_400_000;

/** The batch that an object of a stream began to send. Its end stays when more records exist at the next attempt. */
export interface Begun {
  from: number;
  through: number;
}

/** The state and the functions that a step of a stream uses besides D1 and R2. */
export interface Step {
  begun: Begun | undefined;
  /** Stores a batch before it is sent. */
  begin: (begun: Begun) => Promise<void>;
  /** Ends the attempt. */
  signal: AbortSignal;
  /** Milliseconds until the answer of the destination must have arrived. */
  within?: number;
  /** Keeps the temporary key of a role between the steps. */
  holder?: KeyHolder;
}

/** Milliseconds until the next step, `idle` if the next record or change makes it, or `gone` if the stream was deleted. */
export type Next = number | "idle" | "gone";

type Stream = typeof auditStreams.$inferSelect;

/**
 * One step of a stream: it sends the next signed checkpoint or the next batch of records, or checks the destination of an idle stream, and moves the cursor when the destination has
 * confirmed it. The step may be repeated and may end anywhere: what is sent follows from the cursor, and the cursor moves only if the stream
 * is as it was read.
 */
export async function deliver(env: Bindings, streamId: string, step: Step): Promise<Next> {
  const store = openStore(env);
  const due = await readDue(store, streamId);
  if (!due) return "gone";
  const { stream, org } = due;
  const now = Date.now();
  if (stream.pausedAt !== null) return "idle";
  if (stream.retryAt > now) return stream.retryAt - now;
  const stored = await open(env, stream.id, stream.credentials);
  let work: Work | undefined;
  try {
    work = await nextWork(env, due, step);
  } catch (error) {
    // R2 has the archive and the checkpoints.
    if (!(error instanceof AppError)) throw error;
    return fail(env, store, { stream, org }, { error: "The archive of the log could not be read." });
  }
  if (!work) return "idle";
  const { destination, name } = stream;
  const access = await credentialsFor({ env, store, now }, { destination, org, name }, stored, step, step.holder);
  const failure: Failure = access.credentials ? await work.send(access.credentials) : access.failure;
  if (step.signal.aborted) return 0;
  if (failure?.isTooLarge && work.halve) {
    await work.halve();
    return 0;
  }
  if (failure) {
    // A key may be revoked before it expires.
    if (step.holder) step.holder.held = undefined;
    return fail(env, store, { stream, org }, failure);
  }
  const sealed = stored && isSealedWithOldKey(env, stream.credentials) ? { credentials: await seal(env, stream.id, stored) } : {};
  const [moved, heads] = await batch(store, [
    store.db
      .update(auditStreams)
      .set({ ...work.done, ...sealed, lastSuccessAt: Date.now(), failingSince: null, failures: 0, retryAt: 0, error: "" })
      .where(asRead(stream))
      .returning({ deliveredThrough: auditStreams.deliveredThrough, checkpointDay: auditStreams.checkpointDay }),
    store.db
      .select({ seq: auditHeads.seq, checkpointDay: auditHeads.checkpointDay })
      .from(auditHeads)
      .where(eq(auditHeads.orgId, stream.orgId)),
  ]);
  const [after] = moved;
  const [head] = heads;
  if (!after) return 0;
  const hasMore =
    head && (head.seq > after.deliveredThrough || (stream.destination.kind === "s3" && head.checkpointDay > after.checkpointDay));
  return hasMore ? 0 : "idle";
}

/** SQL condition: nothing has changed or moved the stream since it was read. */
const asRead = ({ id, version, deliveredThrough, checkpointDay }: Stream): SQL =>
  and(
    eq(auditStreams.id, id),
    eq(auditStreams.version, version),
    eq(auditStreams.deliveredThrough, deliveredThrough),
    eq(auditStreams.checkpointDay, checkpointDay),
  )!;

/** The stream and what comes after its cursor, in one round trip. */
async function readDue(store: Store, streamId: string) {
  const ofStream = (column: string) => sql<number>`(SELECT ${sql.raw(column)} FROM audit_streams WHERE id = ${streamId})`;
  const [streams, orgs, heads, archives, rows] = await batch(store, [
    store.db.select().from(auditStreams).where(eq(auditStreams.id, streamId)),
    store.db
      .select({ id: organizations.id, name: organizations.name })
      .from(organizations)
      .where(sql`${organizations.id} = ${ofStream("org_id")}`),
    store.db
      .select()
      .from(auditHeads)
      .where(sql`${auditHeads.orgId} = ${ofStream("org_id")}`),
    ...selectFrom(store, ofStream("org_id"), ofStream("delivered_through + 1"), MOST_RECORDS),
  ]);
  const [stream] = streams;
  const [org] = orgs;
  return stream && org && { stream, org, head: heads[0], archives, rows };
}

type Due = NonNullable<Awaited<ReturnType<typeof readDue>>>;

interface Work {
  send: (credentials: Credentials) => Promise<Failure>;
  /** The columns of the stream that change after the work was sent. */
  done: Partial<Stream>;
  /** Makes the next attempt send half of the records. Absent for a single record. */
  halve?: () => Promise<void>;
}

async function nextWork(env: Bindings, due: Due, step: Step): Promise<Work | undefined> {
  const { stream, head, archives, rows } = due;
  // A checkpoint follows the records that it covers.
  const isSigned = head && head.checkpointDay > stream.checkpointDay && head.checkpointSeq <= stream.deliveredThrough;
  const signed = stream.destination.kind === "s3" && isSigned ? await checkpointWork(env, due, stream.destination, step) : undefined;
  if (signed) return signed;
  const from = stream.deliveredThrough + 1;
  const begun = step.begun?.from === from ? step.begun : undefined;
  const all = await recordsFrom(env.STATE, archives, rows, from);
  const { records, lines } = firstBatch(all, stream.format, stream.host, begun?.through);
  const through = records.at(-1)?.seq;
  if (through === undefined) return isIdle(stream, Date.now()) ? checkOf(env, due, step) : undefined;
  if (!begun) await step.begin({ from, through });
  const { id: streamId, host, format } = stream;
  const message = { streamId, org: due.org, host, format, records, lines, at: Date.now() };
  const half = records[Math.ceil(records.length / 2) - 1]!.seq;
  return {
    send: (secret) => sendBatch(env, stream.destination, secret, message, step),
    done: { deliveredThrough: through },
    ...(half < through && { halve: () => step.begin({ from, through: half }) }),
  };
}

/** Whether nothing was sent for so long that the destination is checked: it may refuse the credential by now. */
const isIdle = ({ lastSuccessAt, createdAt }: Stream, now: number) => (lastSuccessAt ?? createdAt) <= now - CHECKED_AFTER;

/** The check of an idle stream: it sends something that is no record of the log, and its failure counts like any other. */
const checkOf = (env: Bindings, { stream, org }: Due, step: Step): Work => ({
  send: (credentials) => {
    const mark = {
      id: crypto.randomUUID(),
      at: Date.now(),
      event: "audit-stream-tested" satisfies RecordedEvent,
      description: `The audit stream "${stream.name}" (${stream.id}) had nothing to send for a day, so it checks its destination.`,
    };
    return sendMark(env, { ...stream, streamId: stream.id, org }, credentials, mark, step);
  },
  done: {},
});

/** The next checkpoint. There is one for each day, so one is sent in a step. */
async function checkpointWork(
  env: Bindings,
  { stream, org }: Due,
  to: Extract<Stream["destination"], { kind: "s3" }>,
  step: Step,
): Promise<Work | undefined> {
  const [checkpoint] = await listCheckpoints(env, stream.orgId, stream.checkpointDay, 1);
  // An object that names an earlier day than its name would be sent for ever.
  if (!checkpoint || checkpoint.day <= stream.checkpointDay) return undefined;
  const { day } = checkpoint;
  const text = `${JSON.stringify(checkpoint)}\n`;
  return {
    send: async (credentials) => post(env, await checkpointObject(to, credentials, org.name, day, text), s3Fault, step),
    done: { checkpointDay: day },
  };
}

/** Notes a failure. After a day of failures the stream is paused, with an event. */
async function fail(
  env: Bindings,
  store: Store,
  { stream, org }: Pick<Due, "stream" | "org">,
  failure: NonNullable<Failure>,
): Promise<Next> {
  const now = Date.now();
  const failures = stream.failures + 1;
  const failingSince = stream.failingSince ?? now;
  const { error } = failure;
  const wait = delayAfter(failures, failure.asked, Math.random());
  if (now - failingSince < GIVES_UP_AFTER || failures < FAILURES) {
    await batch(store, [
      store.db
        .update(auditStreams)
        .set({ failures, failingSince, error, retryAt: now + wait })
        .where(asRead(stream)),
    ]);
    return wait;
  }
  const event = auditEvent({ now, address: "" }, org.id, nobody, {
    event: "audit-stream-paused",
    description: `Paused the audit stream "${stream.name}" (${stream.id}), because it failed for a day: ${error}`,
  });
  await batch(store, [
    store.db
      .update(auditStreams)
      .set({ failures, failingSince, error, retryAt: 0, pausedAt: now, pausedFor: "failing", version: stream.version + 1 })
      .where(asRead(stream)),
    auditIf(store, event, changedARow),
  ]);
  await relayEvents(env, [event.id]);
  return "idle";
}
