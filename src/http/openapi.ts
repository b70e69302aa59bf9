import type * as z from "zod/mini";

/**
 * Documentation of an operation: tags, summary, response schemas. Kept in a folder's `openapi.ts` and out of `routes.ts`, so that it is not
 * bundled: only tests and the OpenAPI document read it.
 */
export interface Operation {
  tags: string[];
  summary: string;
  /** By status, the refusals left out. `null`: no body. */
  answers: { [status: number]: z.ZodMiniType | null };
}

/** Those of a folder, by operation id. */
export type Operations = Record<string, Operation>;

/** The kinds of update in paths, and in names of operations. */
export const kinds = ["update", "preview", "refresh", "destroy"] as const;
export const Kinds = ["Update", "Preview", "Refresh", "Destroy"] as const;

/** An operation that each kind of update has under its own name. */
export const each = <Name extends string, Kind extends string>(name: Name, kinds: readonly Kind[], operation: Operation) =>
  Object.fromEntries(kinds.map((kind) => [`${name}${kind}`, operation])) as Record<`${Name}${Kind}`, Operation>;
