import { acceptInvite, getInvite } from "../orgs/acceptInvite.ts";
import { builtInRoles, findRole } from "../roles/builtIn.ts";
import { orgPath } from "./paths.ts";
import { definePage } from "./page.tsx";

const path = "/:orgName/~/invites/:inviteID";

/** The target of an invitation's link. Opening it does not accept it, because mail scanners follow links. */
export const ownInvitePages = [
  definePage("GET", path, "person", async (ctx) => {
    const { org, orgId, role, roleId, roleName, sentBy } = await getInvite(ctx, ctx.page.params["orgName"]!, ctx.page.params["inviteID"]!);
    return {
      title: `Join ${org}`,
      body: (
        <section>
          <h1>Join {org}</h1>
          <p>
            {sentBy} invites you, {ctx.actor.user.login}, to join <strong>{org}</strong> as{" "}
            <strong>{roleId === null || findRole(orgId, roleId) ? builtInRoles[role].name : roleName}</strong>.
          </p>
          <form method="post">
            <button type="submit">Join {org}</button>
          </form>
        </section>
      ),
    };
  }),
  definePage("POST", path, "person", async (ctx) => {
    const { orgName, inviteID } = ctx.page.params;
    await acceptInvite(ctx, orgName!, inviteID!);
    return { to: orgPath(orgName!), said: `You are a member of ${orgName} now.` };
  }),
];
