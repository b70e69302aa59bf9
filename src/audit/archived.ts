import { callBinding } from "../db/binding.ts";
import type { ChainRecord } from "./chain.ts";
import type { auditArchives } from "./table.ts";

export type Archive = typeof auditArchives.$inferSelect;

/** @throws 503 when the object cannot be read, or is missing although its row exists */
export const readArchive = (bucket: R2Bucket, archive: Archive): Promise<ChainRecord[]> =>
  callBinding("the log's archive", async () => {
    const object = await bucket.get(archive.key);
    if (!object) throw new Error(`audit archive ${archive.key} is missing`);
    return recordsIn(object.body, archive);
  });

/**
 * Reads an object of the archive for a check, which has to distinguish a lost object from a bucket that does not answer.
 * @returns undefined when the object is missing, or is not what was written
 * @throws 503 when the bucket cannot be read
 */
export async function findArchive(bucket: R2Bucket, archive: Archive): Promise<ChainRecord[] | undefined> {
  const bytes = await callBinding("the log's archive", async () => (await bucket.get(archive.key))?.arrayBuffer());
  try {
    return bytes && (await recordsIn(new Blob([bytes]).stream(), archive));
  } catch {
    return undefined;
  }
}

async function recordsIn(body: ReadableStream, { firstSeq, lastSeq }: Archive): Promise<ChainRecord[]> {
  const text = await new Response(body.pipeThrough(new DecompressionStream("gzip") as unknown as ReadableWritablePair<Uint8Array>)).text();
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as ChainRecord)
    .filter(({ seq }) => seq >= firstSeq && seq <= lastSeq);
}
