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
const batch: Amounts = { requests: 1, objectRequests: 1, objectRead: 4, objectWritten: 2 };
export const perBatch: Record<"created" | "unchanged" | "preview", Amounts> = {
  created: batch,
  unchanged: batch,
  preview: { ...batch, objectRead: 1 },
};

export const counted: Counted = {
  created: {
    "10": {
      requests: 21,
      databaseRead: 108,
      databaseWritten: 62,
      objectRequests: 15,
      objectRead: 51,
      objectWritten: 37,
      cacheRead: 7,
      cacheWritten: 0,
      bucketWritten: 1,
      bucketRead: 0,
      queue: 9,
    },
    "200": {
      requests: 79,
      databaseRead: 130,
      databaseWritten: 68,
      objectRequests: 73,
      objectRead: 259,
      objectWritten: 153,
      cacheRead: 7,
      cacheWritten: 0,
      bucketWritten: 1,
      bucketRead: 0,
      queue: 9,
    },
    "600": {
      requests: 197,
      databaseRead: 144,
      databaseWritten: 71,
      objectRequests: 191,
      objectRead: 900,
      objectWritten: 389,
      cacheRead: 7,
      cacheWritten: 0,
      bucketWritten: 1,
      bucketRead: 0,
      queue: 9,
    },
  },
  unchanged: {
    "10": {
      requests: 15,
      databaseRead: 108,
      databaseWritten: 62,
      objectRequests: 8,
      objectRead: 32,
      objectWritten: 14,
      cacheRead: 7,
      cacheWritten: 0,
      bucketWritten: 1,
      bucketRead: 2,
      queue: 9,
    },
    "200": {
      requests: 45,
      databaseRead: 116,
      databaseWritten: 63,
      objectRequests: 38,
      objectRead: 127,
      objectWritten: 74,
      cacheRead: 7,
      cacheWritten: 0,
      bucketWritten: 1,
      bucketRead: 2,
      queue: 9,
    },
    "600": {
      requests: 113,
      databaseRead: 137,
      databaseWritten: 66,
      objectRequests: 106,
      objectRead: 432,
      objectWritten: 210,
      cacheRead: 7,
      cacheWritten: 1,
      bucketWritten: 1,
      bucketRead: 2,
      queue: 9,
    },
  },
  preview: {
    "10": {
      requests: 12,
      databaseRead: 121,
      databaseWritten: 61,
      objectRequests: 5,
      objectRead: 18,
      objectWritten: 8,
      cacheRead: 7,
      cacheWritten: 0,
      bucketWritten: 0,
      bucketRead: 1,
      queue: 9,
    },
    "200": {
      requests: 20,
      databaseRead: 122,
      databaseWritten: 59,
      objectRequests: 13,
      objectRead: 26,
      objectWritten: 24,
      cacheRead: 7,
      cacheWritten: 1,
      bucketWritten: 0,
      bucketRead: 1,
      queue: 9,
    },
    "600": {
      requests: 37,
      databaseRead: 129,
      databaseWritten: 62,
      objectRequests: 30,
      objectRead: 43,
      objectWritten: 58,
      cacheRead: 7,
      cacheWritten: 0,
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
    databaseRead: 40,
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
    created: { "10": 11, "200": 69, "600": 187 },
    unchanged: { "10": 4, "200": 34, "600": 102 },
    preview: { "10": 1, "200": 9, "600": 26 },
  },
};
