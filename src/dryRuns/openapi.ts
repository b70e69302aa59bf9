import * as z from "zod/mini";
import { orgPermissions } from "../access/permissions.ts";
import { subjectKinds } from "./rights.ts";

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
    }),
  ),
});

/** The answer of a call with `dryRun=true`. */
export const DryRun = z.object({ dryRun: z.literal(true), gains: Changes, loses: Changes, truncated: z.boolean() });
