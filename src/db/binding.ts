import { unavailable } from "../errors.ts";
import { logError } from "../log.ts";

/** Asks a binding for something. @param what it is called in the refusal. @throws 503 when it fails, in whatever way */
export async function callBinding<T>(what: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    logError(`${what} failed`, error);
    throw unavailable(what);
  }
}
