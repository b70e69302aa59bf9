import type { OrgContext } from "../../context.ts";
import { cut } from "../../http/pageText.ts";
import { addMember } from "../../orgs/addMember.ts";
import { listMembers } from "../../orgs/members.ts";
import { givenRole } from "../../roles/given.ts";
import { answering, attempt } from "../attempt.ts";
import { Field, More, Notice, Table, Time } from "../components.tsx";
import { type PageInput, type View, definePage } from "../page.tsx";
import { placePath } from "../paths.ts";
import { RolePicker, roleChoices } from "../roles/picker.tsx";
import { ADMIN_WARNING, ROOM_FOR_ROLES, roleIn, rolesOfPeople } from "./role.tsx";

const HERE = "/:orgName/~/members" as const;
type Context = OrgContext & { page: PageInput };

export const listPages = [
  definePage("GET", HERE, "org_member:read", (ctx) => view(ctx)),
  definePage("POST", HERE, "org_member:add", async (ctx) => {
    const { form } = ctx.page;
    const added = await attempt(
      async () => addMember(ctx, form["login"]?.trim() ?? "", await givenRole(ctx, roleIn(form), "default")),
      [400, 403, 404, 409],
    );
    return "problem" in added
      ? view(ctx, added.problem)
      : { to: placePath(ctx.org.name, "members"), said: `${form["login"]?.trim()} is a member now.` };
  }),
];

async function view(ctx: Context, problem = ctx.page.problem): Promise<View> {
  const { page, org } = ctx;
  const { members, continuationToken } = await listMembers(ctx, page.query.get("continuationToken") || undefined);
  const mayChange = page.may("org_member:update");
  const choices = page.may("org_member:add") ? await roleChoices(ctx, rolesOfPeople, "default") : [];
  return {
    title: "Members",
    at: "members",
    ...answering(problem),
    body: (
      <section>
        <div class="heading">
          <h1>Members</h1>
          {page.may("invites:read") && (
            <a class="button" href={placePath(org.name, "members", "invites")}>
              Invite by link
            </a>
          )}
        </div>
        {problem && <Notice kind="error">{problem.message}</Notice>}
        <Table caption="Members" head={["Person", "Role", "Joined", ...(page.may("org_member:delete") ? ["Remove"] : [])]}>
          {members.map((member) => (
            <tr>
              <th scope="row">
                {member.user.githubLogin}
                {!member.accepted && <div class="hint">added, not accepted yet</div>}
                {member.user.name && member.user.name !== member.user.githubLogin && <div class="hint">{cut(member.user.name, 100)}</div>}
              </th>
              <td>
                {cut(member.fgaRole.name, 100)}
                {mayChange && (
                  <>
                    {" "}
                    <a
                      href={placePath(org.name, "members", member.user.githubLogin, "role")}
                      aria-label={`Change the role of ${member.user.githubLogin}`}
                    >
                      Change…
                    </a>
                  </>
                )}
              </td>
              <td>
                <Time at={Date.parse(member.created)} />
              </td>
              {page.may("org_member:delete") && (
                <td>
                  <a
                    href={placePath(org.name, "members", member.user.githubLogin, "remove")}
                    aria-label={`Remove ${member.user.githubLogin}`}
                  >
                    Remove…
                  </a>
                </td>
              )}
            </tr>
          ))}
        </Table>
        <More url={page.url} continuationToken={continuationToken} />
        {page.may("org_member:add") && (
          <>
            <h2>Add an existing user</h2>
            <form method="post" action={placePath(org.name, "members")} class="narrow">
              <Field name="login" label="Login" value={page.form["login"]} required hint="Login of a user of this deployment" />
              <RolePicker
                name="role"
                legend="Role"
                value={page.form["role"] ?? "member"}
                choices={choices}
                warning={ADMIN_WARNING}
                room={ROOM_FOR_ROLES}
              />
              <button>Add</button>
            </form>
          </>
        )}
      </section>
    ),
  };
}
