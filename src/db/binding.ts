import { unavailable } from "../errors.ts";
import { logError } from "../log.ts";

/** Calls a binding. @param what name of the binding in the error message. @throws 503 when the call fails for any reason */
export async function callBinding<T>(what: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    logError(`${what} failed`, error);
    throw unavailable(what);
  }
}
