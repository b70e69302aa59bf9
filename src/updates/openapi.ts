import * as z from "zod/mini";
import { type Operations, Kinds, each, kinds } from "../http/openapi.ts";

const StartUpdateResponse = z.object({
  version: z.int(),
  token: z.string(),
  tokenExpiration: z.int(),
  journalVersion: z.optional(z.int()),
});

const ReencryptStackResponse = z.object({
  /** The stack's newest version. It is a new version only if secrets were re-encrypted. */
  version: z.int(),
  reencrypted: z.int(),
  untouched: z.int(),
  unreadable: z.int(),
  keys: z.record(z.string(), z.int()),
});

export const updateOperations = {
  DeleteStack: {
    tags: ["Stacks"],
    summary: "Deletes a stack without resources; with force also a stack with resources, after canceling its running update",
    answers: { 204: null },
  },
  ImportStack: { tags: ["Stacks"], summary: "Replaces the state; audited", answers: { 200: z.object({ updateId: z.string() }) } },
  ...each("CreateUpdateFor", Kinds, {
    tags: ["Stacks"],
    summary: "Creates an update without starting it",
    answers: { 200: z.object({ updateID: z.string() }) },
  }),
  ...each("StartUpdateFor", Kinds, {
    tags: ["Stacks"],
    summary: "Starts an update, locks the stack unless it is a preview, and returns a lease",
    answers: { 200: StartUpdateResponse },
  }),
  ...each("CancelUpdate_", kinds, { tags: ["Stacks"], summary: "Cancels a running update", answers: { 204: null } }),
  ...each("RenewUpdateLease_", kinds, {
    tags: ["Stacks"],
    summary: "Renews the lease of an update",
    answers: { 200: z.object({ token: z.string(), tokenExpiration: z.int() }) },
  }),
  ...each("CompleteUpdate_", kinds, {
    tags: ["Stacks"],
    summary: "Completes an update; its state can be exported afterwards",
    answers: { 204: null },
  }),
  ...each("CreateJournalEntries_", kinds, { tags: ["Stacks"], summary: "Records journal entries of an update", answers: { 204: null } }),
  ...each("PatchUpdateCheckpoint_", kinds, { tags: ["Stacks"], summary: "Records the whole state of an update", answers: { 204: null } }),
  ...each("RecordEngineEventBatch_", kinds, { tags: ["Stacks"], summary: "Records engine events of an update", answers: { 200: null } }),
  ...each("RecordEngineEvent_", kinds, { tags: ["Stacks"], summary: "Records one engine event, for old clients", answers: { 200: null } }),
  ...each("AppendUpdateLogEntry_", kinds, {
    tags: ["Stacks"],
    summary: "Accepts a log entry of an old client and discards it",
    answers: { 204: null },
  }),
  ReencryptStack: {
    tags: ["Stacks"],
    summary: "Re-encrypts the secrets of the newest state with the current master key; audited",
    answers: { 200: ReencryptStackResponse },
  },
  RenameStack: {
    tags: ["Stacks"],
    summary: "Renames the stack, its project, or both",
    answers: { 200: z.object({ updateId: z.string() }) },
  },
  TransferStack: { tags: ["Stacks"], summary: "Moves the stack to another organization of the caller", answers: { 204: null } },
  TransferAllStacks: {
    tags: ["Organizations"],
    summary: "Moves all stacks, at most 100, to another organization of the caller, and returns the result for each stack",
    answers: { 200: z.string() },
  },
} satisfies Operations;
