import * as fc from "fast-check";
import { expect, inject, it } from "vitest";
import { JournalCache } from "../../../src/state/replay/journalCache.ts";

const KB = 1024;

/**
 * The batches together are larger than what stays in the cache, and larger than the size above which nothing stays. Each is filled with its
 * own number.
 */
const sizes = Array.from({ length: 90 }, (_, i) => [700 * KB, 40 * KB, 1300 * KB][i % 3]!);
const fillOf = (batch: number) => batch + 1;

function largeJournal() {
  const read: number[] = [];
  const texts = new JournalCache({
    batches: () => sizes.keys(),
    read: (batch) => {
      read.push(batch);
      return new Uint8Array(sizes[batch]!).fill(fillOf(batch));
    },
  });
  return { texts, read };
}

it("gives the text that was asked for, whatever was asked for before: buffers are used again", async () => {
  const asked = fc.array(fc.nat(sizes.length - 1), { minLength: 100, maxLength: 200 });
  await fc.assert(
    fc.asyncProperty(asked, async (batches) => {
      const { texts } = largeJournal();
      // The order is that of a replay: all batches first, and then single ones.
      for (const batch of [...sizes.keys(), ...batches]) {
        const end = sizes[batch]!;
        const text = await texts.get({ batch, start: end - 100, end });
        expect(text).toEqual(new Uint8Array(100).fill(fillOf(batch)));
        expect((await texts.batch(batch)).length).toBe(end);
      }
    }),
    { numRuns: 5 * inject("sizes").runs },
  );
});

it("reads a small journal once, and the batch of two neighbours too", async () => {
  const { texts, read } = largeJournal();
  for (const batch of [0, 1, 2, 0, 1, 2]) await texts.batch(batch);
  expect(read).toEqual([0, 1, 2]);
  for (const batch of sizes.keys()) await texts.batch(batch);
  const before = read.length;
  for (let i = 0; i < 3; i++) await texts.get({ batch: 70, start: i, end: i + 1 });
  expect(read.length).toBe(before + 1);
});
