import { describe, expect, it } from "vitest";
import { ALL_KINDS } from "../../src/engineEvents/eventPage.ts";
import { EventIndex } from "../../src/coordinator/storage/eventIndex.ts";
import type { BodyStore } from "../../src/coordinator/storage/bodyStore.ts";

const BATCHES = 20;
const message = "x".repeat(100_000);
const batchOf = (batch: number) =>
  new TextEncoder().encode(
    JSON.stringify({ events: Array.from({ length: 10 }, (_, i) => ({ sequence: 10 * batch + i, stdoutEvent: { message } })) }),
  );

/** About 20 MB of events. */
async function manyEvents(): Promise<EventIndex> {
  const batches = () => Array.from({ length: BATCHES }, (_, batch) => batch);
  const bodies = { batches, read: batchOf };
  const received = { batches, read: (_: string, __: string, batch: number) => batchOf(batch), bodies: () => bodies };
  const events = new EventIndex(received as unknown as BodyStore, "update");
  await events.catchUp();
  return events;
}

const query = { after: -1, kinds: ALL_KINDS, urn: "urn:pulumi:dev::web::my:index:Thing::none" };

describe("a search for a resource that no event is about", () => {
  it("lets other requests have their turn", async () => {
    const events = await manyEvents();
    let turns = 0;
    const state = { isOver: false };
    const other = async () => {
      for (; !state.isOver; turns++) await scheduler.wait(0);
    };
    const others = other();
    const page = await events.page(query, true, () => true);
    state.isOver = true;
    await others;
    expect(page).toMatchObject({ events: [], more: false });
    expect(turns).toBeGreaterThan(5);
  });

  it("ends when the events are moved away meanwhile", async () => {
    const events = await manyEvents();
    let looks = 0;
    expect(await events.page(query, true, () => ++looks < 3)).toBeUndefined();
    expect(looks).toBe(3);
  });
});
