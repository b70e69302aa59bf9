import { AppError, badRequest } from "../errors.ts";
import { StateError, StateTooLarge } from "../state/errors.ts";

/** A state that cannot be taken is its sender's mistake: 413 or 400. @returns any other error as it is */
export function fromStateError(error: unknown): unknown {
  if (error instanceof StateTooLarge) return new AppError(413, `Request Entity Too Large: ${error.message}`);
  if (error instanceof StateError) return badRequest(error.message);
  return error;
}
