import type { StackUpdate, UpdateInfo, UpdateSummary } from "./openapi.ts";
import type { ConfigText } from "../updates/config.ts";
import { resultOf, type updates } from "../updates/table.ts";

export type UpdateRow = typeof updates.$inferSelect & {
  /** Name of the person who requested the update, or of the organization whose token did. */
  requesterName: string;
};

/** A row with its configuration, which may be stored in R2: see `withConfig`. */
export type FullRow = UpdateRow & { config: ConfigText };

const seconds = (at: number | null) => Math.floor((at ?? 0) / 1000);

export const toUpdateInfo = (row: FullRow): UpdateInfo => ({
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
  ...(row.journalKept && { journalKept: row.journalKept }),
});

/** In the contract the kind of a preview is the kind of its update with a prefix `P`; the kind of `pulumi preview` is `preview`. */
const kindOf = ({ kind, dryRun }: UpdateRow) => (dryRun && kind !== "preview" ? `P${kind}` : kind);

/** @param latestVersion of the stack */
export const toStackUpdate = (row: FullRow, latestVersion: number): StackUpdate => ({
  info: toUpdateInfo(row),
  latestVersion,
  requestedBy: { githubLogin: row.requestedBy, name: row.requesterName, avatarUrl: "" },
  ...(row.tokenName && { requestedByToken: row.tokenName }),
  updateID: row.id,
  version: row.version ?? 0,
});

export const toUpdateSummary = (row: UpdateRow): UpdateSummary => ({
  result: resultOf[row.status],
  startTime: seconds(row.startedAt ?? row.createdAt),
  endTime: seconds(row.endedAt),
  resourceCount: row.resourceCount ?? 0,
});
