import { badRequest, forbidden } from "../../errors.ts";
import { requestChunks } from "../../bytes/chunks.ts";
import { encodingOf, limited, useBody } from "../../http/body.ts";
import { fromCheckpoint } from "../../state/checkpoint.ts";
import { release } from "../../bytes/release.ts";
import { checkBatch } from "../../state/journal.ts";
import { type BodyStore, PART } from "../storage/bodyStore.ts";
import type { Run } from "../storage/runs.ts";

/** Makes a write only if the update is still running: it may end while a slow body arrives. */
export type InTime = (write: () => void) => Promise<void>;

/** Stores journal entries. They are durable when this returns and the object's output gate has opened (cli-protocol §4.8). */
export async function receiveJournal(run: Run, request: Request, received: BodyStore, inTime: InTime): Promise<void> {
  refusePreview(run);
  if (!run.journaling) throw badRequest("journaling was not granted to this update");
  await useBody(request, received.limits.batch, async ({ raw, encoding, bytes }) => {
    const entries = checkBatch(bytes);
    if (bytes !== raw) release(bytes);
    if (entries > 0) await inTime(() => received.append(run.updateId, "journal", encoding, raw));
  });
}

/**
 * Stores a full checkpoint as received, then validates it (cli-protocol §4.6). The caller replaces the checkpoint before it only if this
 * one is complete and valid.
 * @returns its number
 */
export async function receiveCheckpoint(run: Run, request: Request, received: BodyStore): Promise<number> {
  refusePreview(run);
  if (run.journaling) throw badRequest("this update sends a journal, so it cannot send checkpoints");
  const encoding = encodingOf(request);
  const batch = received.nextBatch(run.updateId, "checkpoint");
  const { limits } = received;
  try {
    let part = 0;
    for await (const bytes of inParts(limited(requestChunks(request.body), limits.checkpoint)))
      received.putPart(run.updateId, "checkpoint", batch, part++, encoding, bytes);
    if (part === 0) throw badRequest("the body is empty");
    const text = limited(received.stream(run.updateId, "checkpoint", batch), limits.checkpoint, "the checkpoint");
    for await (const _ of fromCheckpoint(text, { maxElement: limits.resource }).chunks);
  } catch (error) {
    received.dropBatch(run.updateId, "checkpoint", batch);
    throw error;
  }
  return batch;
}

/** Splits the bytes into parts that fit into a row. Each is valid until the next one is requested. */
async function* inParts(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const held = new Uint8Array(PART);
  let length = 0;
  for await (const chunk of chunks) {
    for (let rest = chunk; rest.length > 0;) {
      const piece = rest.subarray(0, PART - length);
      held.set(piece, length);
      length += piece.length;
      rest = rest.subarray(piece.length);
      if (length < PART) continue;
      yield held;
      length = 0;
    }
  }
  if (length > 0) yield held.subarray(0, length);
}

function refusePreview(run: Run): void {
  if (run.dryRun) throw forbidden("Updating the checkpoint is not permitted for preview operations.");
}
