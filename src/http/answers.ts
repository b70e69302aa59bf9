import type * as z from "zod/mini";

/**
 * The good answers of a folder's operations: by operation id, by status. `null`: no body. They are in a folder's `answers.ts` and not with its
 * routes, because only tests and the OpenAPI document read them: the Worker must not make them at each start.
 */
export interface Answers {
  [operationId: string]: { [status: number]: z.ZodMiniType | null };
}
