import type { Actor } from "../context.ts";
import type { EndedRow } from "./end.ts";
import type { RevocationReport } from "./openapi.ts";

/** Maximum number of rows that one answer names. */
const MOST_NAMED = 1000;

/**
 * The answer of a revocation: what it ended, as far as the caller may see it. Rows of organizations that the caller is not in are only
 * counted.
 */
export function reportOf(actor: Actor, rows: EndedRow[]): RevocationReport {
  const own = new Set(actor.kind === "user" ? actor.memberships.map(({ org }) => org.id) : [actor.org.id]);
  const known = rows.filter(({ orgId }) => orgId === null || own.has(orgId));
  const ended = known.filter(({ stays }) => stays === null);
  return {
    total: rows.filter(({ stays }) => stays === null).length,
    ended: ended.slice(0, MOST_NAMED).map(({ kind, id, name, orgName }) => ({
      kind,
      ...(kind !== "member" && { id }),
      ...(name !== "" && { name }),
      ...(orgName !== null && { organization: orgName }),
    })),
    kept: known
      .flatMap(({ name, orgName, stays }) => (stays === null ? [] : [{ member: name, organization: orgName ?? "", reason: stays }]))
      .slice(0, MOST_NAMED),
  };
}
