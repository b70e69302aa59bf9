import { toHex } from "../bytes/base64.ts";
import { badRequest, tooLarge } from "../errors.ts";
import { bodyStream, decodeText, useBody } from "../http/body.ts";
import { inspect } from "../state/checkpoint.ts";
import { cutVerbatim, readDelta } from "../state/delta.ts";
import { applyEdits, lengthOf } from "../state/pieces.ts";
import { type Deltas, needsCompaction } from "./deltas.ts";
import { type InTime, inParts, refuseState } from "../coordinator/receive/journal.ts";
import type { Received } from "../coordinator/storage/bodyStore.ts";
import type { Run } from "../coordinator/storage/runs.ts";

/**
 * A whole state whose exact bytes later deltas refer to (cli-protocol §4.7.1): stored and checked on its way, and then in one
 * step the text of the update, unless a later write was faster.
 */
export async function receiveVerbatim(run: Run, request: Request, received: Received, deltas: Deltas, inTime: InTime): Promise<void> {
  refuseUnlessDelta(run);
  const { updateId } = run;
  const { limits } = received;
  const text = received.nextBatch(updateId, "text");
  try {
    const value = cutVerbatim(bodyStream(request, limits.checkpoint));
    const checked = inspect(value.chunks, { maxElement: limits.resource });
    const { hash, bytes } = await keep(checked.chunks, (part, body) => received.putPart(updateId, "text", text, part, "identity", body));
    const { sequenceNumber } = value.summary();
    await deltas.turn(updateId, () =>
      inTime(() => {
        if (sequenceNumber < (deltas.get(updateId)?.sequence ?? 0)) return received.dropBatch(updateId, "text", text);
        deltas.save(updateId, { sequence: sequenceNumber, hash, pieces: [{ text, start: 0, end: bytes }], stored: bytes });
      }),
    );
  } catch (error) {
    received.dropBatch(updateId, "text", text);
    throw error;
  }
}

/**
 * What changed since the write before (cli-protocol §4.7.2). Only its own bytes are stored; the whole is read through once, for
 * its hash. On any refusal the client sends the whole text.
 */
export async function receiveDelta(run: Run, request: Request, received: Received, deltas: Deltas, inTime: InTime): Promise<void> {
  refuseUnlessDelta(run);
  const { updateId } = run;
  const { limits } = received;
  const { sequenceNumber, hash, edits, added } = readDelta(await useBody(request, limits.delta, ({ bytes }) => decodeText(bytes)));
  await deltas.turn(updateId, async () => {
    const before = deltas.get(updateId);
    if (!before) throw badRequest("failed to apply the checkpoint delta: there is no checkpoint before it");
    if (sequenceNumber < before.sequence || (sequenceNumber === before.sequence && hash === before.hash)) return;
    if (sequenceNumber !== before.sequence + 1)
      throw badRequest(`failed to apply the checkpoint delta: number ${before.sequence + 1} is expected`);

    const text = received.nextBatch(updateId, "text");
    const pieces = applyEdits(before.pieces, edits, text);
    const length = lengthOf(pieces);
    if (length > limits.checkpoint) throw tooLarge("the checkpoint", limits.checkpoint);
    const after = { sequence: sequenceNumber, hash, pieces, stored: before.stored + added.length };
    const whole = needsCompaction(after);
    try {
      const made = await keep(deltas.stream(updateId, pieces, { text, bytes: added }), (part, bytes) => {
        if (whole) received.putPart(updateId, "text", text, part, "identity", bytes);
      });
      if (made.hash !== hash) throw badRequest("validating checksum: the text after the delta is another one");
      await inTime(() => {
        if (!whole) received.putBody(updateId, "text", text, "identity", added);
        deltas.save(updateId, whole ? { ...after, pieces: [{ text, start: 0, end: length }], stored: length } : after);
      });
    } catch (error) {
      received.dropBatch(updateId, "text", text);
      throw error;
    }
  });
}

/** Goes through a text part by part, leaving others their turn in between. */
async function keep(chunks: AsyncIterable<Uint8Array>, put: (part: number, bytes: Uint8Array) => void) {
  const digest = new crypto.DigestStream("SHA-256");
  const writer = digest.getWriter();
  let part = 0;
  let bytes = 0;
  for await (const piece of inParts(chunks)) {
    put(part++, piece);
    bytes += piece.length;
    await writer.write(piece);
    await scheduler.wait(0);
  }
  await writer.close();
  return { hash: toHex(await digest.digest), bytes };
}

function refuseUnlessDelta(run: Run): void {
  refuseState(run);
  if (run.checkpoint !== null) throw badRequest("this update writes full checkpoints");
}
