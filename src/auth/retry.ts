import { PreconditionFailed } from "../db/client.ts";
import { unavailable } from "../errors.ts";

/** Maximum number of attempts: rights and settings may change again while the caller is authorized again. */
const MOST_TRIES = 10;

/**
 * Repeats work that a guard refused because the caller's rights, limits or settings have changed since they were read.
 * @param work with `fresh` it has to read the caller from the database and authorize the caller again, before all else
 * @throws 503 when the caller changes at each try
 */
export async function retryAfterChange<T>(work: (fresh: boolean) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work(tries > 1);
    } catch (error) {
      if (!(error instanceof PreconditionFailed)) throw error;
      if (tries === MOST_TRIES) throw unavailable("the credential's new state");
    }
  }
}
