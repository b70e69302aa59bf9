import { type SQL, desc, sql } from "drizzle-orm";
import type { Store } from "../db/client.ts";
import { type Archive, readArchive } from "./archived.ts";
import { type ChainRecord, recordOf } from "./chain.ts";
import { auditArchives, auditEvents } from "./table.ts";

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
      .where(sql`org_id = ${orgId} AND seq >= ${from}`)
      .orderBy(auditEvents.seq)
      .limit(size),
  ] as const;

/** @returns the records of one archived object, or those of the table; none at the end of the chain */
export async function recordsFrom(bucket: R2Bucket, archives: Archive[], rows: object[], from: number): Promise<ChainRecord[]> {
  const archive = archives[0];
  if (archive && archive.lastSeq >= from) return (await readArchive(bucket, archive)).filter(({ seq }) => seq >= from);
  return rows.map(recordOf);
}
