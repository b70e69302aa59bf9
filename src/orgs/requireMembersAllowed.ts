import type { OrgContext } from "../context.ts";
import { DIRECTORY } from "../db/places.ts";
import { badRequest } from "../errors.ts";

/**
 * Call it before people are invited or added. Accounts are in the directory (docs/scale.md), so only organizations in the directory can have members.
 * @throws 400 for an organization in another database
 */
export function requireMembersAllowed({ store, org }: OrgContext): void {
  if (store.place !== DIRECTORY)
    throw badRequest(
      `${org.name} is in a database of its own, where organizations have no members: only access tokens of the organization can use it`,
    );
}
