import * as z from "zod/mini";
import type { Answers } from "../http/answers.ts";
import { updateResults } from "./table.ts";

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
const ofKind = (kind: string, Kind: string): Answers => ({
  [`CreateUpdateFor${Kind}`]: { 200: z.object({ updateID: z.string() }) },
  [`StartUpdateFor${Kind}`]: { 200: StartUpdateResponse },
  [`GetUpdateStatusFor${Kind}`]: { 200: z.object({ status: z.string(), events: z.array(z.unknown()) }) },
  [`CancelUpdate_${kind}`]: { 204: null },
  [`RenewUpdateLease_${kind}`]: { 200: z.object({ token: z.string(), tokenExpiration: z.int() }) },
  [`CompleteUpdate_${kind}`]: { 204: null },
  [`CreateJournalEntries_${kind}`]: { 204: null },
  [`PatchUpdateCheckpoint_${kind}`]: { 204: null },
  [`PatchUpdateVerbatimCheckpoint_${kind}`]: { 204: null },
  [`PatchUpdateCheckpointDelta_${kind}`]: { 204: null },
  [`GetEngineEvents_${kind}`]: { 200: EngineEventsResponse },
  [`RecordEngineEventBatch_${kind}`]: { 204: null },
  [`RecordEngineEvent_${kind}`]: { 204: null },
  [`AppendUpdateLogEntry_${kind}`]: { 204: null },
});

export const updateAnswers: Answers = {
  DeleteStack: { 204: null },
  ImportStack: { 200: z.object({ updateId: z.string() }) },
  ...ofKind("update", "Update"),
  ...ofKind("preview", "Preview"),
  ...ofKind("refresh", "Refresh"),
  ...ofKind("destroy", "Destroy"),

  GetStackUpdates: { 200: z.union([updatesPage, z.object({ updates: z.array(UpdateInfo) })]) },
  GetLatestStackUpdate: { 200: StackUpdate },
  GetLatestStackPreviews: { 200: updatesPage },
  GetLatestUpdateTimeline: { 200: timeline },
  GetStackUpdate: { 200: StackUpdate },
  GetStackUpdateSummary: { 200: UpdateSummary },
  GetStackPreviews: { 200: updatesPage },
  GetUpdateTimeline: { 200: timeline },
  GetStackPreview: { 200: StackUpdate },
  GetStackPreviewSummary: { 200: UpdateSummary },
  GetStackActivity: {
    200: z.object({ itemsPerPage: z.int(), total: z.int(), activity: z.array(z.object({ update: StackUpdate })) }),
  },
  UpdateSummaryHandlerLatest: { 200: text },
  UpdateSummary: { 200: text },

  ReencryptStack: { 200: ReencryptStackResponse },
  RenameStack: { 200: z.object({ updateId: z.string() }) },
  TransferStack: { 204: null },
  TransferAllStacks: { 200: z.string() },
};
