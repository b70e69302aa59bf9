import { type SQL, desc, sql } from "drizzle-orm";
import type { Store } from "../db/client.ts";
import { type Archive, readArchive } from "./archived.ts";
import { type ChainRecord, recordOf } from "./chain.ts";
import { auditArchives, auditEvents } from "./table.ts";

/** Characters of the descriptions that one reading returns, or those of one record: an isolate has 128 MB. */
const MOST_TEXT = 4_000_000;

/**
 * SQL condition on a row of `audit_events`: it is one of the next rows of the chain, and with the rows before it, it is not too long to be read at
 * once.
 * @param size maximum number of rows
 */
export const isNext = (orgId: string | SQL, from: number | SQL, size: number): SQL =>
  sql`org_id = ${orgId} AND seq >= ${from} AND seq <= (SELECT max(seq) FROM (
    SELECT seq, sum(length) OVER (ORDER BY seq) - length AS before FROM (
      SELECT seq, length(description) AS length FROM audit_events WHERE org_id = ${orgId} AND seq >= ${from} ORDER BY seq LIMIT ${size}))
    WHERE before < ${MOST_TEXT})`;

/** The statements that read an organization's chain from a sequence number on. `recordsFrom` makes the records of their results. */
export const selectFrom = (store: Store, orgId: string | SQL, from: number | SQL, size: number) =>
  [
    store.db
      .select()
      .from(auditArchives)
      .where(sql`org_id = ${orgId} AND first_seq <= ${from}`)
      .orderBy(desc(auditArchives.firstSeq))
      .limit(1),
    store.db
      .select()
      .from(auditEvents)
      .where(isNext(orgId, from, size))
      .orderBy(auditEvents.seq),
  ] as const;

/** @returns the records of one archived object, or those of the table; none at the end of the chain */
export async function recordsFrom(bucket: R2Bucket, archives: Archive[], rows: object[], from: number): Promise<ChainRecord[]> {
  const archive = archives[0];
  if (archive && archive.lastSeq >= from) return (await readArchive(bucket, archive)).filter(({ seq }) => seq >= from);
  return rows.map(recordOf);
}
