import * as z from "zod/mini";
import { cliVersionOf } from "../cliVersion.ts";
import type { OrgContext } from "../context.ts";
import { signLease } from "../auth/lease.ts";
import { peppersOf } from "../auth/secret.ts";
import type { StackPath } from "../stacks/path.ts";
import { tags } from "../stacks/schema.ts";
import { callCoordinator, coordinatorOf, stackCall } from "./call.ts";

/** Lifetime that the CLI assumes, whatever we say (cli-protocol §4.5). `LEASE_SECONDS` is for tests of its end. */
const leaseTime = (setting: string | undefined) => (Number(setting) || 300) * 1000;

export const StartUpdateRequest = z.object({ tags: z.nullish(tags), journalVersion: z.nullish(z.int()) });

/** Takes the stack, unless another update has it. Journaling is granted to whoever offers it on a real update. */
export async function startUpdate(ctx: OrgContext, path: StackPath, updateId: string, request: z.infer<typeof StartUpdateRequest>) {
  const coordinator = coordinatorOf(ctx, path);
  const answer = await callCoordinator(ctx, coordinator, (stub) =>
    stub.start({
      ...stackCall(ctx, path),
      updateId,
      tags: request.tags ?? undefined,
      journaling: request.journalVersion === 1,
      cliVersion: cliVersionOf(ctx.userAgent),
      leaseTime: leaseTime(ctx.env.LEASE_SECONDS),
    }),
  );
  return {
    version: answer.version,
    token: await signLease(peppersOf(ctx.env.TOKEN_PEPPER), { coordinator, updateId, orgName: path.orgName }),
    tokenExpiration: Math.floor(answer.expiresAt / 1000),
    ...(answer.journaling && { journalVersion: 1 }),
  };
}
