import { writeObject } from "../stacks/objects.ts";
import { encode } from "../state/json.ts";
import { BATCH_LIMIT } from "./receive.ts";
import type { Received } from "./received.ts";

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;

/**
 * Moves an ended run's engine events to R2, `events/<update id>.jsonl`: a line for each request, in order of arrival. They
 * may repeat and be out of order as the client sent them; `sequence` in each event tells.
 */
export async function keepEvents(bucket: R2Bucket, received: Received, updateId: string): Promise<void> {
  const batches = received.batches(updateId, "events");
  if (batches.length === 0) return;
  await writeObject(bucket, `events/${updateId}.jsonl`, lines(received, updateId, batches));
}

async function* lines(received: Received, updateId: string, batches: number[]): AsyncGenerator<Uint8Array> {
  const end = encode("\n");
  for (const batch of batches) {
    const body = received.read(updateId, "events", batch, BATCH_LIMIT).slice();
    // In JSON a raw line break can only stand between tokens.
    for (let i = 0; i < body.length; i++) if (body[i] === LINE_FEED || body[i] === CARRIAGE_RETURN) body[i] = SPACE;
    yield body;
    yield end;
  }
}
