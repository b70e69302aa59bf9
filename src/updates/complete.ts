import * as z from "zod/mini";
import { AppError } from "../errors.ts";
import { text } from "../http/bounded.ts";
import { type LeaseContext, callUnderLease } from "./underLease.ts";

export const CompleteUpdateRequest = z.object({ status: text(100) });

/** Ends the update with the client's result. When this returns, the new version can be exported. @throws 400 for an unknown status */
export async function completeUpdate(ctx: LeaseContext, status: string): Promise<void> {
  if (status !== "succeeded" && status !== "failed") throw new AppError(400, "unrecognized status");
  await callUnderLease(ctx, (stub) => stub.complete(ctx.lease.updateId, status));
}
