import { type SQL, sql } from "drizzle-orm";
import { AppError } from "../errors.ts";

/** SQL condition: the organization's identity provider has deactivated the person. Only the provider activates the person again. */
export const isSuspended = (orgId: SQL, userId: SQL): SQL =>
  sql`EXISTS (SELECT 1 FROM scim_users WHERE scim_users.org_id = ${orgId} AND scim_users.user_id = ${userId} AND former IS NOT NULL AND deleted_at IS NULL)`;

export const suspended = () =>
  new AppError(409, "The identity provider of the organization has deactivated this person: activate the person there.");
