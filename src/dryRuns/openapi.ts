import * as z from "zod/mini";
import { orgPermissions } from "../access/permissions.ts";
import { RevocationReport } from "../lineage/openapi.ts";
import { subjectKinds } from "./rights.ts";
import { reads } from "./sight.ts";

const Permission = z.enum(orgPermissions);

const Changes = z.object({
  /** People, teams and tokens. */
  count: z.int(),
  /** The first 100 of them. */
  first: z.array(
    z.object({
      subject: z.object({ kind: z.enum(subjectKinds), id: z.string(), name: z.string() }),
      organization: z.array(Permission),
      stacks: z.object({ count: z.int(), permissions: z.array(Permission), first: z.array(z.string()) }),
      /** Names of the teams of which a person becomes an administrator, or no longer is one. */
      teams: z.array(z.string()),
    }),
  ),
});

/** The answer of a call with `dryRun=true`. */
export const DryRun = z.object({
  dryRun: z.literal(true),
  gains: Changes,
  loses: Changes,
  /** Running updates whose credential would end: the organization's settings say whether they may finish. The first 100. */
  runningUpdates: z.array(z.object({ projectName: z.string(), stackName: z.string(), updateID: z.string(), kind: z.string() })),
  /** Pending invitations that would be canceled; 0 for callers who may not list invitations. */
  canceledInvitations: z.int(),
  /** The items that the real call would report as ended. */
  report: z.optional(RevocationReport),
  /** Rights to read that the caller does not have on the whole organization. Without them the answer leaves something out. */
  missing: z.array(z.enum(reads)),
  /** Whether the organization has more people, tokens, teams or stacks than were looked at. */
  truncated: z.boolean(),
});
export type DryRun = z.infer<typeof DryRun>;
