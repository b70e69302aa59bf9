import * as z from "zod/mini";
import { resultOf, updateResults, type updates } from "./table.ts";

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

/** The same with what the service knows besides: the contract's own `UpdateInfo`. */
export const StackUpdate = z.object({
  info: UpdateInfo,
  latestVersion: z.int(),
  requestedBy: z.object({ githubLogin: z.string(), name: z.string(), avatarUrl: z.string() }),
  requestedByToken: z.optional(z.string()),
  updateID: z.string(),
  version: z.int(),
});

export const UpdateSummary = z.object({
  result: UpdateInfo.shape.result,
  startTime: z.int(),
  endTime: z.int(),
  resourceCount: z.int(),
});

export type UpdateRow = typeof updates.$inferSelect;

const seconds = (at: number | null) => Math.floor((at ?? 0) / 1000);

export const toUpdateInfo = (row: UpdateRow): z.infer<typeof UpdateInfo> => ({
  kind: kindOf(row),
  startTime: seconds(row.startedAt ?? row.createdAt),
  endTime: seconds(row.endedAt),
  message: row.message,
  environment: JSON.parse(row.environment) as Record<string, string>,
  config: JSON.parse(row.config) as Record<string, unknown>,
  result: resultOf[row.status],
  version: row.version ?? 0,
  ...(row.resourceChanges && { resourceChanges: JSON.parse(row.resourceChanges) as Record<string, number> }),
  ...(row.resourceCount !== null && { resourceCount: row.resourceCount }),
});

/** The contract's kinds tell what a preview was a preview of; `pulumi preview` itself is a `preview`. */
const kindOf = ({ kind, dryRun }: UpdateRow) => (dryRun && kind !== "preview" ? `P${kind}` : kind);

/** @param latestVersion of the stack */
export const toStackUpdate = (row: UpdateRow, latestVersion: number): z.infer<typeof StackUpdate> => ({
  info: toUpdateInfo(row),
  latestVersion,
  requestedBy: { githubLogin: row.requestedBy, name: row.requestedBy, avatarUrl: "" },
  ...(row.tokenName && { requestedByToken: row.tokenName }),
  updateID: row.id,
  version: row.version ?? 0,
});

export const toUpdateSummary = (row: UpdateRow): z.infer<typeof UpdateSummary> => ({
  result: resultOf[row.status],
  startTime: seconds(row.startedAt ?? row.createdAt),
  endTime: seconds(row.endedAt),
  resourceCount: row.resourceCount ?? 0,
});
