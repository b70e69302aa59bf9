/** `npm run bench:billed` counted these operations on 2026-11-30 with the CLI 3.259 and resources of 16 KB, and printed these lines. */
import type { Amounts } from "./prices.ts";

/** The amounts of one command, by the number of resources of the stack, from few to many. */
export type Points = Record<number, Amounts>;

interface Counted {
  /** An `up` that creates all resources, one that changes none, and a preview. */
  created: Points;
  unchanged: Points;
  preview: Points;
  /** One request that reads, and one run of the cron. */
  read: Amounts;
  cron: Amounts;
  /** Bytes by which the database grows with an `up` and its preview. */
  databaseBytes: number;
  /** Batches of journal entries and events that the CLI sent in each command. The amounts above contain them. */
  batches: Record<"created" | "unchanged" | "preview", Record<number, number>>;
}

/**
 * The cost of one batch. The CLI sends a batch when it is full or when some time has passed, so a slow machine sends more of them for the same
 * work. `npm run bench:billed` compares its counts with the model for the number of batches that it has seen. A preview has no journal, and its
 * batches of events cost fewer reads.
 */
const batch: Amounts = { requests: 1, objectRequests: 1, objectRead: 6, objectWritten: 2 };
export const perBatch: Record<"created" | "unchanged" | "preview", Amounts> = {
  created: batch,
  unchanged: batch,
  preview: { ...batch, objectRead: 1 },
};

export const counted: Counted = {
  created: {
    "10": {
      requests: 21,
      databaseRead: 110,
      databaseWritten: 62,
      objectRequests: 15,
      objectRead: 63,
      objectWritten: 37,
      cacheRead: 7,
      cacheWritten: 0,
      bucketWritten: 1,
      bucketRead: 0,
      queue: 9,
    },
    "200": {
      requests: 78,
      databaseRead: 132,
      databaseWritten: 68,
      objectRequests: 72,
      objectRead: 316,
      objectWritten: 151,
      cacheRead: 7,
      cacheWritten: 0,
      bucketWritten: 1,
      bucketRead: 0,
      queue: 9,
    },
    "600": {
      requests: 194,
      databaseRead: 132,
      databaseWritten: 68,
      objectRequests: 188,
      objectRead: 1152,
      objectWritten: 383,
      cacheRead: 7,
      cacheWritten: 0,
      bucketWritten: 4,
      bucketRead: 0,
      queue: 9,
    },
  },
  unchanged: {
    "10": {
      requests: 16,
      databaseRead: 110,
      databaseWritten: 62,
      objectRequests: 9,
      objectRead: 34,
      objectWritten: 16,
      cacheRead: 7,
      cacheWritten: 0,
      bucketWritten: 1,
      bucketRead: 2,
      queue: 9,
    },
    "200": {
      requests: 48,
      databaseRead: 118,
      databaseWritten: 63,
      objectRequests: 41,
      objectRead: 165,
      objectWritten: 80,
      cacheRead: 7,
      cacheWritten: 0,
      bucketWritten: 1,
      bucketRead: 2,
      queue: 9,
    },
    "600": {
      requests: 83,
      databaseRead: 132,
      databaseWritten: 66,
      objectRequests: 76,
      objectRead: 356,
      objectWritten: 150,
      cacheRead: 7,
      cacheWritten: 0,
      bucketWritten: 4,
      bucketRead: 2,
      queue: 9,
    },
  },
  preview: {
    "10": {
      requests: 12,
      databaseRead: 124,
      databaseWritten: 61,
      objectRequests: 5,
      objectRead: 10,
      objectWritten: 8,
      cacheRead: 7,
      cacheWritten: 0,
      bucketWritten: 0,
      bucketRead: 1,
      queue: 9,
    },
    "200": {
      requests: 20,
      databaseRead: 132,
      databaseWritten: 59,
      objectRequests: 11,
      objectRead: 23,
      objectWritten: 24,
      cacheRead: 7,
      cacheWritten: 1,
      bucketWritten: 0,
      bucketRead: 1,
      queue: 9,
    },
    "600": {
      requests: 36,
      databaseRead: 132,
      databaseWritten: 59,
      objectRequests: 27,
      objectRead: 36,
      objectWritten: 56,
      cacheRead: 7,
      cacheWritten: 1,
      bucketWritten: 0,
      bucketRead: 1,
      queue: 9,
    },
  },
  read: {
    requests: 1,
    databaseRead: 4,
    databaseWritten: 0,
    objectRequests: 0,
    objectRead: 0,
    objectWritten: 0,
    cacheRead: 1,
    cacheWritten: 0,
    bucketWritten: 0,
    bucketRead: 0,
    queue: 0,
  },
  cron: {
    requests: 0,
    databaseRead: 38,
    databaseWritten: 13,
    objectRequests: 0,
    objectRead: 0,
    objectWritten: 0,
    cacheRead: 0,
    cacheWritten: 0,
    bucketWritten: 1,
    bucketRead: 1,
    queue: 0,
  },
  databaseBytes: 9626,
  batches: {
    created: { "10": 11, "200": 68, "600": 184 },
    unchanged: { "10": 5, "200": 37, "600": 72 },
    preview: { "10": 1, "200": 9, "600": 25 },
  },
};
