import { callBinding } from "../db/binding.ts";
import type { ChainRecord } from "./chain.ts";
import type { auditArchives } from "./table.ts";

export type Archive = typeof auditArchives.$inferSelect;

/** @throws 503 when the object cannot be read, or is missing although its row exists */
export const readArchive = (bucket: R2Bucket, { key, firstSeq, lastSeq }: Archive): Promise<ChainRecord[]> =>
  callBinding("the log's archive", async () => {
    const object = await bucket.get(key);
    if (!object) throw new Error(`audit archive ${key} is missing`);
    const text = await new Response(
      object.body.pipeThrough(new DecompressionStream("gzip") as unknown as ReadableWritablePair<Uint8Array>),
    ).text();
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as ChainRecord)
      .filter(({ seq }) => seq >= firstSeq && seq <= lastSeq);
  });
