import type * as z from "zod/mini";

/**
 * What is told of an operation, and does not help to do it. It is in a folder's `operations.ts` and not with its routes, because only tests and
 * the OpenAPI document read it: the Worker neither carries the words nor makes the schemas at each start.
 */
interface Operation {
  tags: string[];
  summary: string;
  /** By status, the refusals left out. `null`: no body. */
  answers: { [status: number]: z.ZodMiniType | null };
}

/** Those of a folder, by operation id. */
export type Operations = Record<string, Operation>;
