/** `npm run bench:billed` counted these operations on 2026-11-29 with the CLI 3.259 and resources of 16 KB, and printed these lines. */
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
  batches?: Record<"created" | "unchanged" | "preview", Record<number, number>>;
}

/**
 * What one batch costs. The CLI sends a batch when it is full or when some time has passed, so a slow machine sends more of them for the same
 * work. `npm run bench:billed` compares its counts with the model for the number of batches that it has seen.
 */
export const perBatch: Amounts = { requests: 1, objectRequests: 1, objectRead: 5, objectWritten: 2 };

export const counted: Counted = {
  created: {
    "10": {
      requests: 21,
      databaseRead: 136,
      databaseWritten: 73,
      objectRequests: 13,
      objectRead: 61,
      objectWritten: 34,
      cacheRead: 7,
      cacheWritten: 0,
      bucketWritten: 1,
      bucketRead: 0,
      queue: 9,
    },
    "200": {
      requests: 87,
      databaseRead: 148,
      databaseWritten: 73,
      objectRequests: 79,
      objectRead: 351,
      objectWritten: 166,
      cacheRead: 7,
      cacheWritten: 0,
      bucketWritten: 1,
      bucketRead: 0,
      queue: 9,
    },
    "600": {
      requests: 207,
      databaseRead: 164,
      databaseWritten: 76,
      objectRequests: 199,
      objectRead: 1221,
      objectWritten: 406,
      cacheRead: 7,
      cacheWritten: 1,
      bucketWritten: 4,
      bucketRead: 0,
      queue: 9,
    },
  },
  unchanged: {
    "10": {
      requests: 16,
      databaseRead: 126,
      databaseWritten: 68,
      objectRequests: 7,
      objectRead: 32,
      objectWritten: 16,
      cacheRead: 7,
      cacheWritten: 0,
      bucketWritten: 1,
      bucketRead: 2,
      queue: 9,
    },
    "200": {
      requests: 44,
      databaseRead: 153,
      databaseWritten: 72,
      objectRequests: 35,
      objectRead: 140,
      objectWritten: 72,
      cacheRead: 7,
      cacheWritten: 1,
      bucketWritten: 1,
      bucketRead: 2,
      queue: 9,
    },
    "600": {
      requests: 92,
      databaseRead: 164,
      databaseWritten: 75,
      objectRequests: 83,
      objectRead: 392,
      objectWritten: 168,
      cacheRead: 7,
      cacheWritten: 1,
      bucketWritten: 4,
      bucketRead: 2,
      queue: 9,
    },
  },
  preview: {
    "10": {
      requests: 12,
      databaseRead: 132,
      databaseWritten: 69,
      objectRequests: 3,
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
      databaseRead: 134,
      databaseWritten: 67,
      objectRequests: 11,
      objectRead: 16,
      objectWritten: 24,
      cacheRead: 7,
      cacheWritten: 0,
      bucketWritten: 0,
      bucketRead: 1,
      queue: 9,
    },
    "600": {
      requests: 40,
      databaseRead: 161,
      databaseWritten: 73,
      objectRequests: 31,
      objectRead: 40,
      objectWritten: 64,
      cacheRead: 7,
      cacheWritten: 1,
      bucketWritten: 0,
      bucketRead: 1,
      queue: 9,
    },
  },
  read: {
    requests: 1,
    databaseRead: 39,
    databaseWritten: 6,
    objectRequests: 0,
    objectRead: 0,
    objectWritten: 0,
    cacheRead: 1,
    cacheWritten: 1,
    bucketWritten: 0,
    bucketRead: 0,
    queue: 0,
  },
  cron: {
    requests: 0,
    databaseRead: 63,
    databaseWritten: 21,
    objectRequests: 0,
    objectRead: 0,
    objectWritten: 0,
    cacheRead: 0,
    cacheWritten: 0,
    bucketWritten: 2,
    bucketRead: 1,
    queue: 0,
  },
  databaseBytes: 8875,
};
