import { type Composed, DescriptorFault, MAX_DETAILS, type ScopeGrant, composedIds, readDescriptor } from "../access/descriptor.ts";
import { badRequest } from "../errors.ts";
import { encode, membersOf } from "../state/json/json.ts";
import { requireUtf8 } from "../http/body.ts";
import { findRole } from "./builtIn.ts";
import { findSet, grantsOfSet } from "./builtInSets.ts";

/** What a record grants may take so many characters of JSON: callers' identities carry it, and the database has it in one row with its tree. */
const MOST_GRANTS = 600_000;

/** The member `details` of a request as it was sent, from the first to the last character. @throws 400 when it is missing or too long */
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
 * What a tree grants.
 * @param stored what the custom records of the organization grant, by id
 * @throws 400 for a tree that cannot be read, that includes what it cannot, or that grants too much
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

/** All scopes that are named under any condition. */
export const scopesIn = (grants: ScopeGrant[]): string[] => [...new Set(grants.flatMap(({ scopes }) => scopes))];
