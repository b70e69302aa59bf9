import { guarded } from "../../auth/guard.ts";
import type { OrgContext } from "../../context.ts";
import { notFound } from "../../errors.ts";
import { changeMemberRole, currentRole } from "../../orgs/members.ts";
import { type Role, roles } from "../../orgs/table.ts";
import { findRole } from "../../roles/builtIn.ts";
import { givenRole } from "../../roles/given.ts";
import { type Problem, attempt, statusOf } from "../attempt.ts";
import { Notice } from "../components.tsx";
import { type PageInput, type View, definePage } from "../page.tsx";
import { placePath } from "../paths.ts";
import { RolePicker, roleChoices } from "../roles/picker.tsx";

const HERE = "/:orgName/~/members/:login/role" as const;
type Context = OrgContext & { page: PageInput };

/** The order in which a form offers the built-in roles of people. */
export const rolesOfPeople: readonly Role[] = ["member", "billing-manager", "admin"];

/** Bytes of the custom roles below a list of a hundred rows. */
export const ROOM_FOR_ROLES = 12_000;

export const ADMIN_WARNING = "An administrator can do everything in the organization, and gives and takes the rights of all others.";

/** The role that a form names, as the API's request has it: a built-in role by its name, a custom role by its id. */
export const roleIn = (form: Record<string, string>) => {
  const builtIn = roles.find((role) => role === form["role"]);
  return builtIn ? { role: builtIn } : { fgaRoleId: form["role"] || "none" };
};

/** One member's role. */
export const memberRolePages = [
  definePage("GET", HERE, "org_member:update", (ctx) => view(ctx)),
  definePage("POST", HERE, "org_member:update", async (ctx) => {
    const login = ctx.page.params["login"] ?? "";
    const done = await attempt(
      async () => changeMemberRole(ctx, login, await givenRole(ctx, { fgaRoleId: ctx.page.form["role"] }, "built-in")),
      [400, 403],
    );
    return "problem" in done ? view(ctx, done.problem) : { to: placePath(ctx.org.name, "members") };
  }),
];

async function view(ctx: Context, problem?: Problem): Promise<View> {
  const login = ctx.page.params["login"] ?? "";
  const [found] = await guarded(ctx, [currentRole(ctx, login)]);
  const now = found[0];
  if (!now) throw notFound(`User '${login.slice(0, 100)}'`);
  const choices = await roleChoices(ctx, rolesOfPeople, "built-in");
  const standard = now.role === "member" ? choices.find(({ role }) => role.isDefault)?.value : undefined;
  const present = now.roleId === null ? (standard ?? now.role) : (findRole(ctx.org.id, now.roleId) ?? now.roleId);
  const title = `Role of ${login}`;
  return {
    title,
    at: "members",
    status: statusOf(problem),
    body: (
      <section class="narrow">
        <h1>{title}</h1>
        {problem && <Notice kind="error">{problem.message}</Notice>}
        <p class="faint">
          The rights of {login}'s teams come on top of the role, and those on stacks that {login} created.
        </p>
        <form method="post">
          <RolePicker name="role" legend="Role" value={ctx.page.form["role"] ?? present} choices={choices} warning={ADMIN_WARNING} />
          <button>Change</button> <a href={placePath(ctx.org.name, "members")}>Cancel</a>
        </form>
      </section>
    ),
  };
}
