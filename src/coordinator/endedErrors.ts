/** Errors of calls on an update that is no longer running. */
import { type AppError, conflict, forbidden } from "../errors.ts";
import type { Ending, Run } from "./storage/runs.ts";

export const leaseOver = (): AppError => forbidden("The provided update token has expired.", "lease_over");

export const aborted = (): AppError =>
  forbidden("This update was aborted: the access token that started it is no longer valid or has lost the right to it.", "lease_over");

/** A 409, because the CLI would repeat a call that was answered with a 5xx (cli-protocol §1.6). */
export const withoutState = (): AppError =>
  conflict(
    "The Update has ended, and the stack has the state from before it. The new state could not be stored; the update's data is kept for the operator.",
  );

/** The texts of the hosted service (cli-protocol §1.6). */
const texts: Record<Ending, string> = {
  succeeded: "The Update has already completed",
  failed: "The Update has already completed",
  cancelled: "The Update has been cancelled",
  expired: "The Update has already timed out",
  aborted: "The Update has been cancelled",
};

export const ended = ({ ending }: Run): AppError => conflict(texts[ending ?? "failed"]);
