import { sql } from "drizzle-orm";
import { batch, openStore } from "../db/client.ts";
import { callBinding } from "../db/binding.ts";
import type { Bindings } from "../env.ts";
import { type Checkpoint, type SigningKey, parseCheckpoint, retiredKeys, signCheckpoint, signingKeys } from "./sign.ts";
import { auditHeads } from "./table.ts";

/** Maximum number of organizations that one run of the cron handles; the next run continues. */
const PER_RUN = 50;

const CHECKPOINTS = "audit/checkpoints/";
const prefixOf = (orgId: string) => `${CHECKPOINTS}${orgId}/`;

/** Ids of organizations that have a checkpoint in R2: at most a thousand of them. */
export async function organizationsInBucket(env: Bindings): Promise<string[]> {
  const { delimitedPrefixes } = await env.STATE.list({ prefix: CHECKPOINTS, delimiter: "/" });
  return delimitedPrefixes.map((prefix) => prefix.slice(CHECKPOINTS.length, -1));
}

/**
 * Signs the end of each chain, once on each day (UTC) on which it grew, and stores it in R2. The first checkpoint of a day is kept: records
 * added later that day are covered by the next checkpoint. The object is written first, then its row, so that a repetition changes nothing.
 * @returns how many
 */
export async function signCheckpoints(env: Bindings, now: number): Promise<number> {
  const store = openStore(env);
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
  for (const { orgId, seq, hash, checkpointDay, checkpointSeq } of heads) {
    const previous = checkpointDay === "" ? {} : { previousDay: checkpointDay, previousSeq: checkpointSeq };
    const unsigned = { orgId, day, seq, hash, time, algorithm: "Ed25519" as const, keyId: key.keyId, ...previous };
    const signed = await signCheckpoint(unsigned, key.privateKey);
    const put = await env.STATE.put(keyOf(orgId, day), JSON.stringify(signed), {
      onlyIf: { etagDoesNotMatch: "*" },
      customMetadata: { seq: String(seq) },
    });
    // An interrupted run has already written this day's object. The next checkpoint covers the later records.
    const covered = put ? seq : Math.min(seq, (await getCheckpoint(env, orgId, day))?.seq ?? seq);
    await batch(store, [
      store.db
        .update(auditHeads)
        .set({ checkpointSeq: covered, checkpointDay: day })
        .where(sql`${auditHeads.orgId} = ${orgId}`),
    ]);
  }
  return heads.length;
}

/** Keys that verify checkpoints: those of the listed master keys, and the older ones that the operator keeps. */
export async function publicKeys(env: Bindings): Promise<SigningKey[]> {
  const current = (await signingKeys(env.ENCRYPTION_KEYS)).map(({ keyId, publicKey }) => ({ keyId, publicKey }));
  const isNew = (key: SigningKey) => !current.some(({ keyId, publicKey }) => keyId === key.keyId && publicKey === key.publicKey);
  return [...current, ...retiredKeys(env.AUDIT_PUBLIC_KEYS).filter(isNew)];
}

/** A day that has an object, and the last record that the object's row names. */
export interface Listed {
  day: string;
  seq: number | undefined;
}

/** Every day that has an object, the oldest first. */
export async function listDays(env: Bindings, orgId: string): Promise<Listed[]> {
  const listed: Listed[] = [];
  let cursor: string | undefined;
  do {
    const page = await store(() => env.STATE.list({ prefix: prefixOf(orgId), include: ["customMetadata"], ...(cursor && { cursor }) }));
    for (const { key, customMetadata } of page.objects) {
      const seq = Number(customMetadata?.["seq"]);
      listed.push({ day: key.slice(prefixOf(orgId).length, -".json".length), seq: Number.isSafeInteger(seq) && seq > 0 ? seq : undefined });
    }
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined);
  return listed;
}

/** Checkpoints after a day, the oldest first. @param size maximum number of checkpoints; each is one read of R2 */
export async function listCheckpoints(env: Bindings, orgId: string, after: string, size: number): Promise<Checkpoint[]> {
  const prefix = prefixOf(orgId);
  const found: Checkpoint[] = [];
  for (let startAfter = keyOf(orgId, after); found.length < size;) {
    const { objects, truncated } = await store(() => env.STATE.list({ prefix, startAfter, limit: size - found.length }));
    const checkpoints = await Promise.all(objects.map(({ key }) => read(env, key)));
    found.push(...checkpoints.filter((checkpoint) => checkpoint !== undefined));
    if (!truncated) break;
    startAfter = objects.at(-1)!.key;
  }
  return found;
}

/** @returns undefined when there is no object, or the object is not a valid checkpoint */
export const getCheckpoint = (env: Bindings, orgId: string, day: string): Promise<Checkpoint | undefined> => read(env, keyOf(orgId, day));

const keyOf = (orgId: string, day: string) => `${prefixOf(orgId)}${day}.json`;

const read = (env: Bindings, key: string) =>
  store(async () => {
    const object = await env.STATE.get(key);
    return object ? parseCheckpoint(await object.text()) : undefined;
  });

const store = <T>(operation: () => Promise<T>): Promise<T> => callBinding("the store of the log", operation);
