import { type Composed, DescriptorFault, MAX_DETAILS, type ScopeGrant, composedIds, readDescriptor } from "../access/descriptor.ts";
import { badRequest } from "../errors.ts";
import { requireUtf8 } from "../http/body.ts";
import { memberOf } from "../http/json.ts";
import { encode } from "../state/json/json.ts";
import { findRole } from "./builtIn.ts";
import { findSet, grantsOfSet } from "./builtInSets.ts";

/**
 * Maximum length of a record's grants as JSON, in bytes. The cached identity of each holder contains them. 2,000 rules that name one stack each take
 * about 125,000 bytes.
 */
const MOST_GRANTS = 150_000;

/** The text of the member `details`, as the client sent it. @throws 400 if it is missing or too long */
export function detailsIn(text: string): string {
  const bytes = memberOf(text, "details");
  if (!bytes) throw badRequest("details is required");
  if (bytes.length > MAX_DETAILS) throw badRequest(`details has at most ${MAX_DETAILS} characters of JSON`);
  return requireUtf8(bytes);
}

/** The custom records that a tree includes. @throws 400 for a tree that cannot be read */
export const partsIn = (orgId: string, details: unknown): string[] =>
  faultless(() => composedIds(details).filter((id) => !findSet(orgId, id)));

/**
 * The grants of a tree.
 * @param stored the grants of the organization's custom records, by id
 * @throws 400 for a tree that cannot be read, that includes an unknown record or a built-in role, or whose grants are too long
 */
export function grantsIn(orgId: string, details: unknown, stored: Composed): ScopeGrant[] {
  const composed = (id: string) => {
    if (findRole(orgId, id)) throw new DescriptorFault(`'${id}' is a built-in role: a role includes custom roles and permission sets only`);
    const set = findSet(orgId, id);
    return set ? grantsOfSet(set) : stored(id);
  };
  const grants = faultless(() => readDescriptor(details, composed));
  const size = sizeOf(grants);
  if (size > MOST_GRANTS)
    throw badRequest(
      `what this role grants takes ${size} bytes of at most ${MOST_GRANTS}: write fewer alternatives, or use grants of teams`,
    );
  return grants;
}

/** The length of grants as JSON, in bytes. */
export const sizeOf = (grants: ScopeGrant[]): number => encode(JSON.stringify(grants)).length;

function faultless<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof DescriptorFault) throw badRequest(error.message);
    throw error;
  }
}

/** All scopes of these grants, whatever their conditions. */
export const scopesIn = (grants: ScopeGrant[]): string[] => [...new Set(grants.flatMap(({ scopes }) => scopes))];
