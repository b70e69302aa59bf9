import { isAdministrator, membershipOf } from "../../auth/policy.ts";
import { requireRight } from "../../auth/right.ts";
import type { OrgContext } from "../../context.ts";
import { AppError } from "../../errors.ts";
import { deleteRole } from "../../roles/delete.ts";
import { type RoleInUse, readRoleInUse } from "../../roles/use.ts";
import { type Problem, answering, attempt } from "../attempt.ts";
import { Field, Notice } from "../components.tsx";
import { type PageInput, type View, definePage } from "../page.tsx";
import { placePath } from "../paths.ts";
import { Names } from "./detail.tsx";

type Context = OrgContext & { page: PageInput };
const HERE = "/:orgName/~/roles/:roleID/delete" as const;

/** A role in use is deleted on a second page, which says what becomes of its holders. */
export const roleRemovePages = [
  definePage("GET", HERE, "role:delete", async (ctx) =>
    view(ctx, await removable(ctx), (ctx.page.form["force"] ?? ctx.page.query.get("force")) === "true"),
  ),
  definePage("POST", HERE, "role:delete", async (ctx) => {
    const role = await removable(ctx);
    const force = ctx.page.form["force"] === "true";
    if (force && inOneLine(ctx.page.form["confirmation"]) !== inOneLine(role.name))
      return view(ctx, role, true, { message: "Nothing was deleted.", fields: { confirmation: "This is not the role's name." } });
    const done = await attempt(() => deleteRole(ctx, role.id, force), [400, 403, 409]);
    return "problem" in done
      ? view(ctx, role, force, done.problem)
      : { to: placePath(ctx.org.name, "roles"), said: `${role.name} was deleted.` };
  }),
];

/** A name may contain line breaks, which nobody can type into the field. */
const inOneLine = (text = "") => text.trim().replaceAll(/\s+/g, " ");

async function removable(ctx: Context): Promise<RoleInUse> {
  await requireRight(ctx, "role:read");
  const role = await readRoleInUse(ctx, ctx.page.params["roleID"] ?? "");
  if (!role.isCustom) throw new AppError(400, "A built-in role cannot be deleted.");
  return role;
}

const isHeld = (role: RoleInUse) => role.people.total + role.teams.total + role.tokens.total + role.invitations > 0 || role.isDefault;

async function view(ctx: Context, role: RoleInUse, force: boolean, problem = ctx.page.problem): Promise<View> {
  const here = placePath(ctx.org.name, "roles", role.id);
  return {
    title: `Delete ${role.name}`,
    at: "roles",
    ...answering(problem),
    body: (
      <section class="narrow">
        <h1>Delete {role.name}?</h1>
        {problem && <Notice kind="error">{problem.message}</Notice>}
        {role.includedIn.length > 0 ? (
          <>
            <p>It cannot be deleted while other roles or permission sets include it. Remove it from them first:</p>
            <p>
              <Names
                total={role.includedIn.length}
                named={role.includedIn.map(({ id, name }) => ({ name, to: placePath(ctx.org.name, "roles", id) }))}
              />
            </p>
            <a href={here}>Back</a>
          </>
        ) : !isHeld(role) ? (
          <>
            <p>Nobody has it. Its deletion cannot be undone.</p>
            <form method="post" action={`${here}/delete`}>
              <button class="danger">Delete</button> <a href={here}>Cancel</a>
            </form>
          </>
        ) : force ? (
          <Forced role={role} here={here} problem={problem} />
        ) : (
          <>
            <p>It is in use, so it is not deleted yet:</p>
            <ul>
              {reasons(role, ctx.page.may).map((reason) => (
                <li>{reason}</li>
              ))}
            </ul>
            <p>
              Give other roles first to those that <a href={here}>the role's page</a> lists.
            </p>
            {isAdministrator(membershipOf(ctx)) ? (
              <a class="button danger" href={`${here}/delete?force=true`}>
                Delete it all the same…
              </a>
            ) : (
              <p class="faint">Only an administrator can delete a role that is in use.</p>
            )}
          </>
        )}
      </section>
    ),
  };
}

const many = (count: number, one: string, more: string) => `${count} ${count === 1 ? one : more}`;

/** Tokens and invitations are counted only for readers who may list them. */
const reasons = ({ people, teams, tokens, invitations, isDefault }: RoleInUse, may: PageInput["may"]): string[] => [
  ...(isDefault ? ["It is the default role of members."] : []),
  ...(people.total > 0 ? [`${many(people.total, "person has", "people have")} it.`] : []),
  ...(teams.total > 0 ? [`${many(teams.total, "team has", "teams have")} it.`] : []),
  ...(tokens.total > 0
    ? [may("org_token:read") ? `${many(tokens.total, "access token has", "access tokens have")} it.` : "Access tokens have it."]
    : []),
  ...(invitations > 0
    ? [
        may("invites:read")
          ? `${many(invitations, "pending invitation gives", "pending invitations give")} it.`
          : "Pending invitations give it.",
      ]
    : []),
];

const Forced = ({ role, here, problem }: { role: RoleInUse; here: string; problem: Problem | undefined }) => (
  <>
    <p>This takes effect immediately and cannot be undone:</p>
    <ul>
      {role.isDefault && <li>The built-in Member becomes the default role.</li>}
      {role.people.total > 0 && (
        <li>
          {many(role.people.total, "person gets", "people get")} the default role, {role.isDefault ? "Member" : role.defaultRoleName}. It
          may have more rights than this role.
        </li>
      )}
      {role.teams.total > 0 && <li>{many(role.teams.total, "team loses", "teams lose")} the rights of this role.</li>}
      {role.tokens.total > 0 && (
        <li>
          {many(role.tokens.total, "access token stays", "access tokens stay")} valid with the rights of the Billing Manager: nothing on
          stacks.
        </li>
      )}
      {role.invitations > 0 && <li>{many(role.invitations, "pending invitation is", "pending invitations are")} canceled.</li>}
    </ul>
    <form method="post" action={`${here}/delete?force=true`}>
      <input type="hidden" name="force" value="true" />
      <Field name="confirmation" label={`Type ${role.name} to confirm`} error={problem?.fields["confirmation"]} required autofocus />
      <button class="danger">Delete</button> <a href={here}>Cancel</a>
    </form>
  </>
);
