import { AppError, badRequest, forbidden } from "../errors.ts";
import { decodeText, encodingOf, inflate, receive } from "../http/body.ts";
import { fromCheckpoint } from "../state/checkpoint.ts";
import { checkBatch } from "../state/journal.ts";
import { concat } from "../state/json.ts";
import type { Received } from "./received.ts";
import type { Run } from "./runs.ts";

/** Bytes of one journal or event request, before and after inflating. The CLI halves a journal batch on 413. */
export const BATCH_LIMIT = 16 * 1024 * 1024;
/** Bytes of one full checkpoint as it comes; it is streamed, so what it inflates to is bounded by storage alone. */
const CHECKPOINT_LIMIT = 100 * 1024 * 1024;

/** Does a write only if the update still runs: a body may take its time, and its update may end meanwhile. */
export type InTime = (write: () => void) => Promise<void>;

/** Journal entries: durable when this returns and the object's output gate has opened (cli-protocol §4.8). */
export async function receiveJournal(run: Run, request: Request, received: Received, inTime: InTime): Promise<void> {
  refusePreview(run);
  if (!run.journaling) throw badRequest("journaling was not granted to this update");
  const encoding = encodingOf(request);
  const bytes = await receive(request, BATCH_LIMIT);
  if (checkBatch(decodeText(inflate(bytes, encoding, BATCH_LIMIT))) > 0)
    await inTime(() => received.append(run.updateId, "journal", encoding, bytes));
}

/**
 * A full checkpoint (cli-protocol §4.6): stored as it comes, then checked. Only when all of it is there and good may it
 * take the place of the one before.
 * @returns its number
 */
export async function receiveCheckpoint(run: Run, request: Request, received: Received): Promise<number> {
  refusePreview(run);
  if (run.journaling) throw badRequest("this update journals; it takes no checkpoints");
  const encoding = encodingOf(request);
  const batch = received.nextBatch(run.updateId, "checkpoint");
  try {
    let part = 0;
    for await (const chunk of inParts((request.body ?? []) as AsyncIterable<Uint8Array>))
      received.putPart(run.updateId, "checkpoint", batch, part++, encoding, chunk);
    if (part === 0) throw badRequest("the body is empty");
    const checked = fromCheckpoint(received.stream(run.updateId, "checkpoint", batch));
    for await (const _ of checked.chunks);
  } catch (error) {
    received.dropBatch(run.updateId, "checkpoint", batch);
    if (error instanceof TypeError) throw badRequest("the body is not valid gzip");
    throw error;
  }
  return batch;
}

async function* inParts(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const size = 1_000_000;
  let held: Uint8Array[] = [];
  let length = 0;
  let total = 0;
  const take = () => {
    const bytes = concat(held);
    held = [];
    length = 0;
    return bytes;
  };
  for await (const chunk of chunks) {
    total += chunk.length;
    if (total > CHECKPOINT_LIMIT) throw new AppError(413, `Request Entity Too Large: a checkpoint has at most ${CHECKPOINT_LIMIT} bytes`);
    for (let rest = chunk; rest.length > 0;) {
      const piece = rest.subarray(0, size - length);
      held.push(piece);
      length += piece.length;
      rest = rest.subarray(piece.length);
      if (length === size) yield take();
    }
  }
  if (length > 0) yield take();
}

function refusePreview(run: Run): void {
  if (run.dryRun) throw forbidden("Updating the checkpoint is not permitted for preview operations.");
}
