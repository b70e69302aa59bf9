import { AppError, badRequest } from "../errors.ts";
import { StateError, StateTooLarge } from "../state/errors.ts";

/** A state that cannot be taken is its sender's mistake: 413 or 400. @returns any other error as it is */
export function fromStateError(error: unknown): unknown {
  if (error instanceof StateTooLarge) return new AppError(413, `Request Entity Too Large: ${error.message}`);
  if (error instanceof StateError) return badRequest(error.message);
  return error;
}

/**
 * The refusal of a state whose manifest contradicts itself: every later command of the CLI would refuse the stack as tampered with, and
 * nothing on the wire says that `--force` was given.
 */
export const manifestMismatch = () =>
  badRequest(
    'the manifest of the state has a magic that does not fit its version, so that the CLI would refuse every later command on this stack. --force does not skip this check: set both manifest.magic and manifest.version to "" in the file and import it again',
  );
