import * as z from "zod/mini";
import { type Operations, Kinds, each, kinds } from "../http/openapi.ts";
import { keptJournals, updateResults } from "../updates/table.ts";

/** An update in the history, for the CLI (cli-protocol §5.1). Maps are never null, because SDKs iterate them. */
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
  /** Our extension: the reason for which the stack has the state from before this update. Its journal is kept for the operator. */
  journalKept: z.optional(z.enum(keptJournals)),
});
export type UpdateInfo = z.infer<typeof UpdateInfo>;

/** An update in the history, with additional data of the service. The contract calls it `UpdateInfo` too. */
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

const EngineEventsResponse = z.object({
  events: z.array(z.looseObject({ sequence: z.int(), type: z.string() })),
  continuationToken: z.nullable(z.string()),
});

export const historyOperations = {
  GetStackUpdates: {
    tags: ["Stacks", "StackUpdates"],
    summary: "Updates of the stack, newest first, without previews; includes ids when output-type is set",
    answers: { 200: z.union([updatesPage, z.object({ updates: z.array(UpdateInfo) })]) },
  },
  GetLatestStackUpdate: { tags: ["Stacks"], summary: "The newest update", answers: { 200: StackUpdate } },
  GetLatestStackPreviews: { tags: ["Stacks", "StackUpdates"], summary: "Previews since the last update", answers: { 200: updatesPage } },
  GetLatestUpdateTimeline: {
    tags: ["Stacks"],
    summary: "The newest update, and the previews that ran before it",
    answers: { 200: timeline },
  },
  GetStackUpdate: { tags: ["Stacks"], summary: "An update, by its version", answers: { 200: StackUpdate } },
  GetStackUpdateSummary: { tags: ["Stacks"], summary: "A short summary of an update, by its version", answers: { 200: UpdateSummary } },
  GetStackPreviews: { tags: ["Stacks"], summary: "Previews that ran against a version", answers: { 200: updatesPage } },
  GetUpdateTimeline: { tags: ["Stacks"], summary: "An update, and the previews that ran before it", answers: { 200: timeline } },
  GetStackPreview: { tags: ["Stacks"], summary: "A preview", answers: { 200: StackUpdate } },
  GetStackPreviewSummary: { tags: ["Stacks"], summary: "A short summary of a preview", answers: { 200: UpdateSummary } },
  GetStackActivity: {
    tags: ["Stacks"],
    summary: "Updates and previews, newest first",
    answers: {
      200: z.object({ itemsPerPage: z.int(), total: z.int(), activity: z.array(z.object({ update: StackUpdate })) }),
    },
  },
  UpdateSummaryHandlerLatest: {
    tags: ["Stacks"],
    summary: "The steps and the result of the newest update, as text",
    answers: { 200: text },
  },
  UpdateSummary: { tags: ["Stacks"], summary: "The steps and the result of an update or preview, as text", answers: { 200: text } },
  ...each("GetUpdateStatusFor", Kinds, {
    tags: ["Stacks", "StackUpdates"],
    summary: "Status of an update",
    answers: { 200: z.object({ status: z.string(), events: z.array(z.unknown()) }) },
  }),
  ...each("GetEngineEvents_", kinds, {
    tags: ["Stacks", "StackUpdates"],
    summary: "Engine events in ascending order, during the update and afterwards",
    answers: { 200: EngineEventsResponse },
  }),
} satisfies Operations;
