import { guarded } from "../../auth/guard.ts";
import type { OrgContext } from "../../context.ts";
import { dryRun } from "../../dryRuns/dryRun.ts";
import type { DryRun } from "../../dryRuns/openapi.ts";
import { notFound } from "../../errors.ts";
import { changeMemberRole, currentRole } from "../../orgs/members.ts";
import { type Role, roles } from "../../orgs/table.ts";
import { findRole } from "../../roles/builtIn.ts";
import { givenRole } from "../../roles/given.ts";
import { answering, attempt } from "../attempt.ts";
import { Notice } from "../components.tsx";
import { Effects, SHOW, ShowEffects } from "../effects.tsx";
import { type PageInput, type View, definePage } from "../page.tsx";
import { placePath } from "../paths.ts";
import { RolePicker, roleChoices } from "../roles/picker.tsx";

const HERE = "/:orgName/~/members/:login/role" as const;
type Context = OrgContext & { page: PageInput };

/** The order in which a form offers the built-in roles of people. */
export const rolesOfPeople: readonly Role[] = ["member", "billing-manager", "admin"];

/** Maximum number of bytes of the custom roles below a list of a hundred rows. */
export const ROOM_FOR_ROLES = 12_000;

export const ADMIN_WARNING =
  "An administrator can do everything in the organization, and can give rights to everybody else or take them away.";

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
    const change = async (to: OrgContext) =>
      changeMemberRole(to, login, await givenRole(to, { fgaRoleId: ctx.page.form["role"] }, "built-in"));
    if (ctx.page.form[SHOW]) {
      const path = `/api/orgs/${ctx.org.name}/members/${login}`;
      const tried = { operationId: "UpdateOrganizationMember", method: "PATCH", path, reports: false };
      const shown = await attempt(() => dryRun(ctx, tried, change), [400, 403]);
      return "problem" in shown ? view(ctx, shown.problem) : view(ctx, undefined, shown.value);
    }
    const done = await attempt(() => change(ctx), [400, 403]);
    return "problem" in done
      ? view(ctx, done.problem)
      : { to: placePath(ctx.org.name, "members"), said: `The role of ${login} was saved.` };
  }),
];

async function view(ctx: Context, problem = ctx.page.problem, effects?: DryRun): Promise<View> {
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
    ...answering(problem),
    body: (
      <section class="narrow">
        <h1>{title}</h1>
        {problem && <Notice kind="error">{problem.message}</Notice>}
        {effects && <Effects of={effects} />}
        <p class="faint">In addition to this role, {login} has the rights of their teams, and rights on the stacks that they created.</p>
        <form method="post">
          <RolePicker name="role" legend="Role" value={ctx.page.form["role"] ?? present} choices={choices} warning={ADMIN_WARNING} />
          <button>Change</button> <ShowEffects /> <a href={placePath(ctx.org.name, "members")}>Cancel</a>
        </form>
      </section>
    ),
  };
}
