import type { OrgContext } from "../../context.ts";
import { cut } from "../../http/pageText.ts";
import { setDefaultRole } from "../../roles/setDefault.ts";
import { type RoleInUse, readRoleInUse } from "../../roles/use.ts";
import { stackNamesOf } from "../../stacks/names.ts";
import { answering, attempt } from "../attempt.ts";
import { Badge, Notice } from "../components.tsx";
import { type PageInput, type View, definePage } from "../page.tsx";
import { placePath } from "../paths.ts";
import { Opens, stacksNamedIn } from "./opens.tsx";

type Context = OrgContext & { page: PageInput };
const HERE = "/:orgName/~/roles/:roleID" as const;

export const roleDetailPages = [
  definePage("GET", HERE, "role:read", (ctx) => view(ctx)),
  definePage("POST", `${HERE}/default`, "role:update", async (ctx) => {
    const id = ctx.page.params["roleID"] ?? "";
    const done = await attempt(() => setDefaultRole(ctx, id), [400, 403]);
    if (!("problem" in done) || !ctx.page.may("role:read"))
      return { to: placePath(ctx.org.name, "roles", id), said: "problem" in done ? null : "New members get this role now." };
    return view(ctx, done.problem);
  }),
];

export const purposes: Record<RoleInUse["purpose"], string> = {
  role: "Role",
  role_private: "Role of one team",
  role_temporary: "Temporary role",
  policy: "Policy",
  set: "Permission set",
};

export const canBeHeld = ({ purpose }: Pick<RoleInUse, "purpose">) => purpose !== "set" && purpose !== "policy";

async function view(ctx: Context, problem = ctx.page.problem): Promise<View> {
  const { org, page } = ctx;
  const role = await readRoleInUse(ctx, page.params["roleID"] ?? "");
  const names = await stackNamesOf(ctx, stacksNamedIn(role.grants));
  const here = placePath(org.name, "roles", role.id);
  const mayBeDefault = role.purpose === "role" && (role.builtIn === undefined || role.builtIn === "member");
  return {
    title: role.name,
    at: "roles",
    ...answering(problem),
    body: (
      <section>
        <p>
          <a href={placePath(org.name, "roles")}>Roles</a>
        </p>
        <div class="heading">
          <h1>
            {role.name} <Badge>{role.builtIn ? "Built-in role" : `${role.isCustom ? "" : "Built-in "}${purposes[role.purpose]}`}</Badge>{" "}
            {role.isDefault && <Badge kind="info">default</Badge>}
          </h1>
          {role.isCustom && page.may("role:update") && (
            <a class="button" href={`${here}/edit`}>
              Change
            </a>
          )}
        </div>
        {problem && <Notice kind="error">{problem.message}</Notice>}
        {role.description && <p>{role.description}</p>}
        <h2>What it opens</h2>
        {role.builtIn === "admin" ? (
          <p>
            Everything in the organization and on all its stacks: settings, members, roles, teams, access tokens and the audit log. Only
            people with this role manage organization tokens. A token with this role does not.
          </p>
        ) : (
          <Opens grants={role.grants} names={names} />
        )}
        {canBeHeld(role) ? <Holders role={role} ctx={ctx} /> : <IncludedIn role={role} orgName={org.name} />}
        {page.may("role:update") && mayBeDefault && !role.isDefault && (
          <>
            <h2>Default role</h2>
            <details>
              <summary>Make it the default role…</summary>
              <p>
                Every member without an assigned role then has the role {role.name} instead of {role.defaultRoleName}, at once.
              </p>
              <form method="post" action={`${here}/default`}>
                <button>Make {cut(role.name, 60)} the default role</button>
              </form>
            </details>
          </>
        )}
        {role.isCustom && page.may("role:delete") && (
          <>
            <h2>Delete</h2>
            <a class="button danger" href={`${here}/delete`}>
              Delete…
            </a>
          </>
        )}
      </section>
    ),
  };
}

/** The holders of the role. Tokens and invitations are shown only to readers who may list them. */
const Holders = ({ role, ctx }: { role: RoleInUse; ctx: Context }) => {
  const { org, page } = ctx;
  const mayAssign = page.may("org_member:update");
  const byDefault = role.people.named.some((one) => one.byDefault);
  return (
    <>
      <h2>Who has it</h2>
      <dl>
        <dt>People</dt>
        <dd>
          <Names
            total={role.people.total}
            named={role.people.named.map(({ login }) => ({
              name: login,
              to: mayAssign ? placePath(org.name, "members", login, "role") : placePath(org.name, "members"),
            }))}
          />
          {byDefault && <div class="hint">This includes members without an assigned role, because it is the default role.</div>}
        </dd>
        {role.builtIn === undefined && (
          <>
            <dt>Teams</dt>
            <dd>
              <Names
                total={role.teams.total}
                named={role.teams.named.map(({ name, displayName }) => ({
                  name: displayName,
                  to: placePath(org.name, "teams", name, "roles"),
                }))}
              />
            </dd>
          </>
        )}
        {page.may("org_token:read") && (
          <>
            <dt>Access tokens</dt>
            <dd>
              <Names
                total={role.tokens.total}
                named={role.tokens.named.map(({ id, name }) => ({ name, to: placePath(org.name, "tokens", id) }))}
              />
            </dd>
          </>
        )}
        {role.invitations > 0 && page.may("invites:read") && (
          <>
            <dt>Pending invitations</dt>
            <dd>{role.invitations}</dd>
          </>
        )}
        {role.includedIn.length > 0 && (
          <>
            <dt>Included in</dt>
            <dd>
              <Names
                total={role.includedIn.length}
                named={role.includedIn.map(({ id, name }) => ({ name, to: placePath(org.name, "roles", id) }))}
              />
            </dd>
          </>
        )}
      </dl>
    </>
  );
};

const IncludedIn = ({ role, orgName }: { role: RoleInUse; orgName: string }) => (
  <>
    <h2>Roles that include it</h2>
    <p>
      <Names
        total={role.includedIn.length}
        named={role.includedIn.map(({ id, name }) => ({ name, to: placePath(orgName, "roles", id) }))}
      />
    </p>
  </>
);

export const Names = ({ total, named }: { total: number; named: { name: string; to: string }[] }) => {
  if (total === 0) return <span class="faint">none</span>;
  return (
    <>
      {named.map(({ name, to }, i) => (
        <>
          {i > 0 && ", "}
          <a href={to}>{cut(name, 150)}</a>
        </>
      ))}
      {total > named.length && ` and ${total - named.length} more`}
    </>
  );
};
