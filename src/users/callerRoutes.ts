import { wireRole } from "../auth/wireRole.ts";
import { type Actor, acceptedOf } from "../context.ts";
import { defineRoute } from "../http/route.ts";
import type { TokenRole } from "../tokens/table.ts";

/** The caller's account. Machines are shown as their organization (cli-protocol §2.2). */
const getCurrentUser = defineRoute(
  {
    method: "GET",
    path: "/api/user",
    operationId: "GetCurrentUser",
    permission: "self",
    // The warning is for `whoami`, which calls nothing else. Other commands get it with the default organization.
    warns: (userAgent) => userAgent.includes("cmd=whoami"),
  },
  async ({ actor }) => {
    const base = { avatarUrl: "", hasMFA: false, isOrgManaged: false, isManagedByMultiOrg: false, identities: [] };
    const summary = (name: string, role: TokenRole) => ({ githubLogin: name, name, avatarUrl: "", role: wireRole(role) });
    if (actor.kind === "user") {
      const { id, login, name, email } = actor.user;
      const summaries = (isAccepted: boolean) =>
        actor.memberships.filter((m) => m.isAccepted === isAccepted).map((m) => summary(m.org.name, m.role));
      const potentialOrganizations = summaries(false);
      return {
        ...base,
        id,
        githubLogin: login,
        name,
        email,
        organizations: summaries(true),
        ...(potentialOrganizations.length > 0 && { potentialOrganizations }),
      };
    }
    // Either the organization or the team is empty, because clients read the team first.
    const owner = actor.kind === "team" ? { organization: "", team: actor.team } : { organization: actor.org.name, team: "" };
    return {
      ...base,
      id: actor.org.id,
      githubLogin: actor.org.name,
      name: actor.org.name,
      email: "",
      organizations: [summary(actor.org.name, actor.role)],
      tokenInfo: { name: actor.token.name, ...owner },
    };
  },
);

/** The keys are capitalized (cli-protocol §2.3). */
const getDefaultOrganization = defineRoute(
  {
    method: "GET",
    path: "/api/user/organizations/default",
    operationId: "GetDefaultOrganization",
    permission: "self",
    // Every command but `whoami` calls this once (cli-protocol §1.8).
    warns: () => true,
  },
  async ({ actor }) => ({ GitHubLogin: defaultOrganization(actor), Messages: [] }),
);

/** The chosen organization, else the first accepted membership (memberships are in that order). Without a membership: "". */
const defaultOrganization = (actor: Actor) => (actor.kind === "user" ? (acceptedOf(actor)[0]?.org.name ?? "") : actor.org.name);

/** These need no schema, so they cost little at the start. */
export const callerRoutes = [getCurrentUser, getDefaultOrganization];
