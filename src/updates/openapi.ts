import * as z from "zod/mini";
import { type Operations, Kinds, each, kinds } from "../http/openapi.ts";

const StartUpdateResponse = z.object({
  version: z.int(),
  token: z.string(),
  tokenExpiration: z.int(),
  journalVersion: z.optional(z.int()),
});

const ReencryptStackResponse = z.object({
  /** The stack's newest version; a new one only when something was re-encrypted. */
  version: z.int(),
  reencrypted: z.int(),
  untouched: z.int(),
  unreadable: z.int(),
  keys: z.record(z.string(), z.int()),
});

export const updateOperations = {
  DeleteStack: {
    tags: ["Stacks"],
    summary: "Deletes a stack without resources; with force any stack, and cancels the update that has it",
    answers: { 204: null },
  },
  ImportStack: { tags: ["Stacks"], summary: "Replaces the state; audited", answers: { 200: z.object({ updateId: z.string() }) } },
  ...each("CreateUpdateFor", Kinds, {
    tags: ["Stacks"],
    summary: "Notes an update that is about to run",
    answers: { 200: z.object({ updateID: z.string() }) },
  }),
  ...each("StartUpdateFor", Kinds, {
    tags: ["Stacks"],
    summary: "Takes the stack and hands out a lease",
    answers: { 200: StartUpdateResponse },
  }),
  ...each("CancelUpdate_", kinds, { tags: ["Stacks"], summary: "Ends a running update from outside", answers: { 204: null } }),
  ...each("RenewUpdateLease_", kinds, {
    tags: ["Stacks"],
    summary: "Extends the lease",
    answers: { 200: z.object({ token: z.string(), tokenExpiration: z.int() }) },
  }),
  ...each("CompleteUpdate_", kinds, {
    tags: ["Stacks"],
    summary: "Ends an update; its state can be exported when this answers",
    answers: { 204: null },
  }),
  ...each("CreateJournalEntries_", kinds, { tags: ["Stacks"], summary: "Journal entries", answers: { 204: null } }),
  ...each("PatchUpdateCheckpoint_", kinds, { tags: ["Stacks"], summary: "The whole state", answers: { 204: null } }),
  ...each("RecordEngineEventBatch_", kinds, { tags: ["Stacks"], summary: "Engine events", answers: { 200: null } }),
  ...each("RecordEngineEvent_", kinds, { tags: ["Stacks"], summary: "One engine event; of old clients", answers: { 200: null } }),
  ...each("AppendUpdateLogEntry_", kinds, { tags: ["Stacks"], summary: "Accepted and dropped; of old clients", answers: { 204: null } }),
  ReencryptStack: {
    tags: ["Stacks"],
    summary: "Puts the secrets of the newest state under the current master key; audited",
    answers: { 200: ReencryptStackResponse },
  },
  RenameStack: {
    tags: ["Stacks"],
    summary: "Gives the stack, its project or both another name",
    answers: { 200: z.object({ updateId: z.string() }) },
  },
  TransferStack: { tags: ["Stacks"], summary: "Moves the stack to another organization of the caller", answers: { 204: null } },
  TransferAllStacks: {
    tags: ["Organizations"],
    summary: "Moves all stacks, 100 at most, to another organization of the caller; says of each what became of it",
    answers: { 200: z.string() },
  },
} satisfies Operations;
