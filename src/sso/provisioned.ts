import type { OrganizationRef, RequestContext } from "../context.ts";
import type { Person } from "./claims.ts";

/** An account that the provisioning of the organization (SCIM) has made or taken over. */
export interface Provisioned {
  userId: string;
  /** False: the organization has deactivated it. */
  isActive: boolean;
}

/**
 * The account that the organization provisioned for the person: by its external id, which is the subject, or by its user name. A sign-in through the same
 * organization's connection opens that account, and a deactivated one is refused. This is the only place where single sign-on and provisioning meet.
 */
export async function findProvisioned(_ctx: RequestContext, _org: OrganizationRef, _person: Person): Promise<Provisioned | undefined> {
  return undefined;
}
