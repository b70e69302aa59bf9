import type { OrgContext } from "../../context.ts";
import { cut } from "../../http/pageText.ts";
import { addMember } from "../../orgs/addMember.ts";
import { changeMemberRole, listMembers } from "../../orgs/members.ts";
import { builtInRoles } from "../../roles/builtIn.ts";
import { givenRole } from "../../roles/given.ts";
import { roles } from "../../orgs/table.ts";
import { type Problem, attempt } from "../attempt.ts";
import { Choice, Field, More, Notice, Table, Time } from "../components.tsx";
import { type PageInput, type View, definePage } from "../page.tsx";
import { placePath } from "../paths.ts";

const HERE = "/:orgName/~/members" as const;
const options = roles.map((role) => [role, builtInRoles[role].name] as const);
type Context = OrgContext & { page: PageInput };
type Member = Awaited<ReturnType<typeof listMembers>>["members"][number];

export const listPages = [
  definePage("GET", HERE, "org_member:read", (ctx) => view(ctx)),
  definePage("POST", HERE, "org_member:add", async (ctx) => {
    const { form } = ctx.page;
    const added = await attempt(
      async () => addMember(ctx, form["login"]?.trim() ?? "", (await givenRole(ctx, { fgaRoleId: form["role"] }, "default")).role),
      [400, 404, 409],
    );
    return "problem" in added ? view(ctx, added.problem) : { to: placePath(ctx.org.name, "members") };
  }),
  definePage("POST", `${HERE}/:login/role`, "org_member:update", async (ctx) => {
    const { form, params } = ctx.page;
    const done = await attempt(async () =>
      changeMemberRole(ctx, params["login"] ?? "", await givenRole(ctx, { fgaRoleId: form["role"] }, "built-in")),
    );
    return "problem" in done ? view(ctx, done.problem) : { to: placePath(ctx.org.name, "members") };
  }),
];

async function view(ctx: Context, problem?: Problem): Promise<View> {
  const { page, org } = ctx;
  const { members, continuationToken } = await listMembers(ctx, page.query.get("continuationToken") || undefined);
  const mayChange = page.may("org_member:update");
  return {
    title: "Members",
    at: "members",
    status: problem ? 400 : 200,
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
              <td>{mayChange ? <RoleForm member={member} orgName={org.name} /> : member.fgaRole.name}</td>
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
              <Choice name="role" label="Role" value={page.form["role"] ?? "member"} options={options} />
              <button>Add</button>
            </form>
          </>
        )}
      </section>
    ),
  };
}

/** The roles to choose from: the built-in ones, and the member's current role if it is a custom one. */
const rolesOf = ({ fgaRole }: Member) =>
  options.some(([, label]) => label === fgaRole.name) ? options : [[fgaRole.id, fgaRole.name] as const, ...options];

const RoleForm = ({ member, orgName }: { member: Member; orgName: string }) => (
  <form method="post" action={placePath(orgName, "members", member.user.githubLogin, "role")} class="row">
    <select name="role" aria-label={`Role of ${member.user.githubLogin}`}>
      {rolesOf(member).map(([role, label]) => (
        <option value={role} selected={label === member.fgaRole.name}>
          {label}
        </option>
      ))}
    </select>
    <button class="quiet" aria-label={`Change the role of ${member.user.githubLogin}`}>
      Change
    </button>
  </form>
);
