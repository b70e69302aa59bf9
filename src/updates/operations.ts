import * as z from "zod/mini";
import type { Operations } from "../http/operation.ts";
import { keptJournals, updateResults } from "./table.ts";

/** What the history says of an update to the CLI (cli-protocol §5.1). Maps are objects and never null: SDKs iterate them. */
export const UpdateInfo = z.object({
  kind: z.string(),
  startTime: z.int(),
  endTime: z.int(),
  message: z.string(),
  environment: z.record(z.string(), z.string()),
  config: z.record(z.string(), z.unknown()),
  result: z.enum(updateResults),
  version: z.int(),
  resourceChanges: z.optional(z.record(z.string(), z.int())),
  resourceCount: z.optional(z.int()),
  /** Ours: the stack has the state from before this update, and why; what the update wrote is kept for the operator. */
  journalKept: z.optional(z.enum(keptJournals)),
});
export type UpdateInfo = z.infer<typeof UpdateInfo>;

/** The same with what the service knows besides: the contract's own `UpdateInfo`. */
export const StackUpdate = z.object({
  info: UpdateInfo,
  latestVersion: z.int(),
  requestedBy: z.object({ githubLogin: z.string(), name: z.string(), avatarUrl: z.string() }),
  requestedByToken: z.optional(z.string()),
  updateID: z.string(),
  version: z.int(),
});
export type StackUpdate = z.infer<typeof StackUpdate>;

export const UpdateSummary = z.object({
  result: UpdateInfo.shape.result,
  startTime: z.int(),
  endTime: z.int(),
  resourceCount: z.int(),
});
export type UpdateSummary = z.infer<typeof UpdateSummary>;

const updatesPage = z.object({ itemsPerPage: z.int(), total: z.int(), updates: z.array(StackUpdate) });
const timeline = z.object({ update: StackUpdate, collatedUpdateEvents: z.array(StackUpdate), previews: z.array(StackUpdate) });
const text = z.object({ summary: z.string() });

const StartUpdateResponse = z.object({
  version: z.int(),
  token: z.string(),
  tokenExpiration: z.int(),
  journalVersion: z.optional(z.int()),
});

const EngineEventsResponse = z.object({
  events: z.array(z.looseObject({ sequence: z.int(), type: z.string() })),
  continuationToken: z.nullable(z.string()),
});

export const ReencryptStackResponse = z.object({
  /** The stack's newest version; a new one only when something was re-encrypted. */
  version: z.int(),
  reencrypted: z.int(),
  untouched: z.int(),
  unreadable: z.int(),
  keys: z.record(z.string(), z.int()),
});
export type ReencryptStackResponse = z.infer<typeof ReencryptStackResponse>;

/** Of the operations that each kind of update has under its own name. */
const ofKind = (kind: string, Kind: string): Operations => ({
  [`CreateUpdateFor${Kind}`]: {
    tags: ["Stacks"],
    summary: "Notes an update that is about to run",
    answers: { 200: z.object({ updateID: z.string() }) },
  },
  [`StartUpdateFor${Kind}`]: { tags: ["Stacks"], summary: "Takes the stack and hands out a lease", answers: { 200: StartUpdateResponse } },
  [`GetUpdateStatusFor${Kind}`]: {
    tags: ["Stacks", "StackUpdates"],
    summary: "Status of an update",
    answers: { 200: z.object({ status: z.string(), events: z.array(z.unknown()) }) },
  },
  [`CancelUpdate_${kind}`]: { tags: ["Stacks"], summary: "Ends a running update from outside", answers: { 204: null } },
  [`RenewUpdateLease_${kind}`]: {
    tags: ["Stacks"],
    summary: "Extends the lease",
    answers: { 200: z.object({ token: z.string(), tokenExpiration: z.int() }) },
  },
  [`CompleteUpdate_${kind}`]: {
    tags: ["Stacks"],
    summary: "Ends an update; its state can be exported when this answers",
    answers: { 204: null },
  },
  [`CreateJournalEntries_${kind}`]: { tags: ["Stacks"], summary: "Journal entries", answers: { 204: null } },
  [`PatchUpdateCheckpoint_${kind}`]: { tags: ["Stacks"], summary: "The whole state", answers: { 204: null } },
  [`GetEngineEvents_${kind}`]: {
    tags: ["Stacks", "StackUpdates"],
    summary: "Engine events in their order, during the update and after",
    answers: { 200: EngineEventsResponse },
  },
  [`RecordEngineEventBatch_${kind}`]: { tags: ["Stacks"], summary: "Engine events", answers: { 200: null } },
  [`RecordEngineEvent_${kind}`]: { tags: ["Stacks"], summary: "One engine event; of old clients", answers: { 200: null } },
  [`AppendUpdateLogEntry_${kind}`]: { tags: ["Stacks"], summary: "Accepted and dropped; of old clients", answers: { 204: null } },
});

export const updateOperations: Operations = {
  DeleteStack: {
    tags: ["Stacks"],
    summary: "Deletes a stack without resources; with force any stack, and cancels the update that has it",
    answers: { 204: null },
  },
  ImportStack: { tags: ["Stacks"], summary: "Replaces the state; audited", answers: { 200: z.object({ updateId: z.string() }) } },
  ...ofKind("update", "Update"),
  ...ofKind("preview", "Preview"),
  ...ofKind("refresh", "Refresh"),
  ...ofKind("destroy", "Destroy"),

  GetStackUpdates: {
    tags: ["Stacks", "StackUpdates"],
    summary: "History, newest first, without previews; with ids when output-type is said",
    answers: { 200: z.union([updatesPage, z.object({ updates: z.array(UpdateInfo) })]) },
  },
  GetLatestStackUpdate: { tags: ["Stacks"], summary: "The newest entry of the history", answers: { 200: StackUpdate } },
  GetLatestStackPreviews: { tags: ["Stacks", "StackUpdates"], summary: "Previews since the last update", answers: { 200: updatesPage } },
  GetLatestUpdateTimeline: { tags: ["Stacks"], summary: "The newest update, and the previews that led to it", answers: { 200: timeline } },
  GetStackUpdate: { tags: ["Stacks"], summary: "An entry of the history", answers: { 200: StackUpdate } },
  GetStackUpdateSummary: { tags: ["Stacks"], summary: "An entry of the history in short", answers: { 200: UpdateSummary } },
  GetStackPreviews: { tags: ["Stacks"], summary: "Previews that looked at a version", answers: { 200: updatesPage } },
  GetUpdateTimeline: { tags: ["Stacks"], summary: "An update, and the previews that led to it", answers: { 200: timeline } },
  GetStackPreview: { tags: ["Stacks"], summary: "A preview", answers: { 200: StackUpdate } },
  GetStackPreviewSummary: { tags: ["Stacks"], summary: "A preview in short", answers: { 200: UpdateSummary } },
  GetStackActivity: {
    tags: ["Stacks"],
    summary: "Updates and previews, newest first",
    answers: {
      200: z.object({ itemsPerPage: z.int(), total: z.int(), activity: z.array(z.object({ update: StackUpdate })) }),
    },
  },
  UpdateSummaryHandlerLatest: { tags: ["Stacks"], summary: "What the newest update did, as text", answers: { 200: text } },
  UpdateSummary: { tags: ["Stacks"], summary: "What an update or preview did, as text", answers: { 200: text } },

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
};
