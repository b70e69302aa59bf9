import type * as z from "zod/mini";

/**
 * Documentation of an operation: tags, summary, response schemas. Kept in a folder's `openapi.ts` and out of `routes.ts`, so that it is not
 * bundled: only tests and the OpenAPI document read it.
 */
export interface Operation {
  tags: string[];
  summary: string;
  /** Response schemas by status, without the errors. `null`: no body. */
  answers: { [status: number]: z.ZodMiniType | null };
}

/** The documentation of a folder's operations, by operation id. */
export type Operations = Record<string, Operation>;

/** The kinds of update in paths, and in names of operations. */
export const kinds = ["update", "preview", "refresh", "destroy"] as const;
export const Kinds = ["Update", "Preview", "Refresh", "Destroy"] as const;

/** Documents an operation that exists once for each kind of update. */
export const each = <Name extends string, Kind extends string>(name: Name, kinds: readonly Kind[], operation: Operation) =>
  Object.fromEntries(kinds.map((kind) => [`${name}${kind}`, operation])) as Record<`${Name}${Kind}`, Operation>;
