import { sql } from "drizzle-orm";
import { batch, openStore } from "../db/client.ts";
import { reach } from "../db/reach.ts";
import type { Bindings } from "../env.ts";
import { type Checkpoint, signCheckpoint, signingKeys } from "./sign.ts";
import { auditHeads } from "./table.ts";

/** Organizations of one run of the cron; the next minute goes on. */
const PER_RUN = 50;

const prefixOf = (orgId: string) => `audit/checkpoints/${orgId}/`;

/**
 * Signs where each chain ends, once a day (UTC) on which it grew, and keeps it in R2. The first of a day stays: a later head of the same
 * day follows from the next day's. Object first, then the note that it is there: doing it twice does nothing.
 * @returns how many
 */
export async function signCheckpoints(env: Bindings, now: number): Promise<number> {
  const store = openStore(env.DB);
  const time = new Date(now).toISOString();
  const day = time.slice(0, 10);
  const [heads] = await batch(store, [
    store.db
      .select()
      .from(auditHeads)
      .where(sql`${auditHeads.checkpointDay} < ${day} AND ${auditHeads.seq} > ${auditHeads.checkpointSeq}`)
      .limit(PER_RUN),
  ]);
  if (heads.length === 0) return 0;
  const [key] = await signingKeys(env.ENCRYPTION_KEYS);
  if (!key) throw new Error("no key to sign checkpoints with");
  for (const { orgId, seq, hash } of heads) {
    const unsigned = { orgId, day, seq, hash, time, algorithm: "Ed25519" as const, keyId: key.keyId };
    const signed = await signCheckpoint(unsigned, key.privateKey);
    await env.STATE.put(`${prefixOf(orgId)}${day}.json`, JSON.stringify(signed), {
      onlyIf: { etagDoesNotMatch: "*" },
      customMetadata: { seq: String(seq) },
    });
    await batch(store, [
      store.db
        .update(auditHeads)
        .set({ checkpointSeq: seq, checkpointDay: day })
        .where(sql`${auditHeads.orgId} = ${orgId}`),
    ]);
  }
  return heads.length;
}

/** Checkpoints after a day, oldest first. @param size at most; one R2 read each */
export async function listCheckpoints(env: Bindings, orgId: string, after: string, size: number): Promise<Checkpoint[]> {
  const prefix = prefixOf(orgId);
  const { objects } = await store(() => env.STATE.list({ prefix, startAfter: `${prefix}${after}.json`, limit: size }));
  const found = await Promise.all(objects.map(({ key }) => read(env, key)));
  return found.filter((checkpoint) => checkpoint !== undefined);
}

export const getCheckpoint = (env: Bindings, orgId: string, day: string): Promise<Checkpoint | undefined> =>
  read(env, `${prefixOf(orgId)}${day}.json`);

const read = (env: Bindings, key: string) => store(async () => (await env.STATE.get(key))?.json<Checkpoint>());

const store = <T>(operation: () => Promise<T>): Promise<T> => reach("the store of the log", operation);

/** Those that were taken at one of the records `from` to `to`. */
export async function checkpointsBetween(env: Bindings, orgId: string, from: number, to: number): Promise<Checkpoint[]> {
  const days: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await store(() => env.STATE.list({ prefix: prefixOf(orgId), include: ["customMetadata"], ...(cursor && { cursor }) }));
    for (const { key, customMetadata } of page.objects) {
      const seq = Number(customMetadata?.["seq"]);
      // One whose note was taken away is looked at always.
      if (!(seq < from || seq > to)) days.push(key.slice(-15, -5));
    }
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined);
  const found = await Promise.all(days.map((day) => getCheckpoint(env, orgId, day)));
  return found.filter((checkpoint) => checkpoint !== undefined && checkpoint.seq >= from && checkpoint.seq <= to) as Checkpoint[];
}
