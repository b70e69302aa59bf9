import type { OrgContext } from "../context.ts";
import { changedMeanwhile } from "./fault.ts";
import { etagOf } from "./render.ts";

/** One call of SCIM: the organization's context with the SCIM token as its actor, and the parts of the request. */
export interface ScimCall {
  ctx: OrgContext;
  /** The address of the service, see `baseOf`. */
  base: string;
  query: URLSearchParams;
  headers: Headers;
  /** The parsed body; undefined without one. */
  body: unknown;
}

/** Requires the version that `If-Match` names, if it names one (identity-facts C-27). @throws 412 */
export function requireMatch({ headers }: ScimCall, row: { version: number }): void {
  const wanted = headers.get("If-Match");
  if (wanted === null || wanted.trim() === "*") return;
  if (!tagsIn(wanted).includes(etagOf(row))) throw changedMeanwhile();
}

/** Whether the client has this version already, by `If-None-Match`. */
export const isKnown = ({ headers }: ScimCall, row: { version: number }): boolean => {
  const known = headers.get("If-None-Match");
  return known !== null && (known.trim() === "*" || tagsIn(known).includes(etagOf(row)));
};

/** Tags are compared weakly. */
const tagsIn = (header: string) =>
  header.split(",").map((tag) => {
    const trimmed = tag.trim();
    return trimmed.startsWith("W/") ? trimmed : `W/${trimmed}`;
  });
