import { type Composed, DescriptorFault, MAX_DETAILS, type ScopeGrant, composedIds, readDescriptor } from "../access/descriptor.ts";
import { badRequest } from "../errors.ts";
import { encode, membersOf } from "../state/json/json.ts";
import { requireUtf8 } from "../http/body.ts";
import { findRole } from "./builtIn.ts";
import { findSet, grantsOfSet } from "./builtInSets.ts";

/** Maximum length of a record's grants as JSON, in characters. They are a part of identities, and share a row with the tree. */
const MOST_GRANTS = 600_000;

/** The text of the member `details`, as the client sent it. @throws 400 if it is missing or too long */
export function detailsIn(text: string): string {
  const bytes = membersOf(encode(text.trim())).get("details");
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
  if (JSON.stringify(grants).length > MOST_GRANTS)
    throw badRequest("the conditions of this role are too complex: write fewer alternatives");
  return grants;
}

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
