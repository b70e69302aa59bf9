import type { OrgContext } from "../context.ts";
import { DIRECTORY } from "../db/places.ts";
import { badRequest } from "../errors.ts";

/**
 * For what brings people into an organization. Accounts are in the directory, and so are all organizations that people use (docs/scale.md). Nobody could
 * accept an invitation that another database has.
 * @throws 400 outside of the directory
 */
export function requireRoomForPeople({ store, org }: OrgContext): void {
  if (store.place !== DIRECTORY)
    throw badRequest(
      `${org.name} is in a database of its own, where organizations have no members: only access tokens of the organization can use it`,
    );
}
