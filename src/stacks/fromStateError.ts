import { AppError, badRequest } from "../errors.ts";
import { StateError, StateTooLarge } from "../state/errors.ts";

/** Converts the error of an invalid state into a 413 or 400. @returns any other error unchanged */
export function fromStateError(error: unknown): unknown {
  if (error instanceof StateTooLarge) return new AppError(413, `Request Entity Too Large: ${error.message}`);
  if (error instanceof StateError) return badRequest(error.message);
  return error;
}

/**
 * The error of a state whose manifest has a wrong magic. The CLI would refuse every later command on the stack, because such a state looks
 * tampered with. The request does not show whether `--force` was given.
 */
export const manifestMismatch = () =>
  badRequest(
    'the manifest of the state has a magic that does not match its version, so the CLI would refuse every later command on this stack. --force does not skip this check: set both manifest.magic and manifest.version to "" in the file and import it again',
  );
