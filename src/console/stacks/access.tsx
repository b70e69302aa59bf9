import { requireInScope } from "../../auth/scope.ts";
import { listStackAccess } from "../../explain/list.ts";
import { ListStackAccessQuery } from "../../explain/schema.ts";
import type { StackAccess } from "../../explain/openapi.ts";
import { grantNames } from "../../explain/sentence.ts";
import { cut } from "../../http/pageText.ts";
import { deleteStackPermission, listStackPermissions, listStackTeams } from "../../stacks/get.ts";
import type { StackPath } from "../../stacks/path.ts";
import { findTeam } from "../../teams/find.ts";
import { setTeamGrant } from "../../teams/grant.ts";
import { UpdateTeamStackPermissionsRequest } from "../../teams/schema.ts";
import { type Problem, attempt, readForm, readQuery } from "../attempt.ts";
import { Choice, Field, More, Notice, Table } from "../components.tsx";
import { type View, definePage } from "../page.tsx";
import { placePath } from "../paths.ts";
import { STACK_PAGE, StackFrame, type StackPageContext, pathOf, stackOf } from "./frame.tsx";

const ACCESS_PATH = `${STACK_PAGE}/access` as const;

/** Maximum numbers of entries, of their reasons, of bytes of a text and of grants. The page stays below 100 KB with them. */
const ENTRIES = 30;
const REASONS = 3;
const TEXT = 400;
const GRANTS = 25;

const rights = [
  ["stack:read", "see the stack"],
  ["stack:decrypt", "read its secrets"],
  ["stack:preview", "preview changes"],
  ["stack:write", "run updates"],
  ["stack:delete", "delete it"],
  ["stack_access:update", "change who has access"],
] as const;

const grants = [
  ["101", "read"],
  ["102", "write"],
  ["103", "admin"],
] as const;

export const accessPages = [
  definePage("GET", ACCESS_PATH, "stack_access:read", (ctx) => view(ctx, stackOf(ctx))),

  definePage("POST", `${ACCESS_PATH}/teams`, "stack_access:read", async (ctx) => {
    const path = stackOf(ctx);
    const { team = "", permission = "" } = ctx.page.form;
    const read = readForm(UpdateTeamStackPermissionsRequest, { permissions: Number(permission) });
    if ("problem" in read) return view(ctx, path, { message: "Choose one of the rights.", fields: {} });
    await requireInScope(ctx, "stack_access:update", path);
    const done = await attempt(
      async () => setTeamGrant(ctx, await findTeam(ctx, team.trim()), path, read.value.permissions || null),
      [400, 404],
    );
    return "problem" in done
      ? view(ctx, path, done.problem)
      : { to: `${pathOf(path)}/access`, said: `The right of the team ${team.trim()} was saved.` };
  }),

  definePage("POST", `${ACCESS_PATH}/people/remove`, "stack_access:update", async (ctx) => {
    const path = stackOf(ctx);
    const done = await attempt(() => deleteStackPermission(ctx, path, ctx.page.form["login"] ?? ""), [404]);
    return "problem" in done
      ? view(ctx, path, done.problem)
      : { to: `${pathOf(path)}/access`, said: "The right of the person was removed." };
  }),
];

async function view(ctx: StackPageContext, path: StackPath, problem?: Problem): Promise<View> {
  const { page, org } = ctx;
  const query = readQuery(ListStackAccessQuery, {
    permission: page.query.get("permission") || undefined,
    maxResults: String(ENTRIES),
    continuationToken: page.query.get("continuationToken") || undefined,
  });
  const [{ access, continuationToken }, { teams }, { users }] = await Promise.all([
    listStackAccess(ctx, path, query),
    listStackTeams(ctx, path),
    listStackPermissions(ctx, path),
  ]);
  const may = { teams: page.may("stack_access:update") || page.may("team:update"), people: page.may("stack_access:update") };
  const of = (kind: string) => access.filter(({ subject }) => subject.startsWith(kind));
  return {
    title: `Access to ${path.projectName}/${path.stackName}`,
    at: "stacks",
    status: problem ? 400 : 200,
    body: (
      <StackFrame ctx={ctx} path={path} at="access">
        {problem && <Notice kind="error">{problem.message}</Notice>}
        <h2>Who has access</h2>
        <form class="filters" method="get">
          <Choice name="permission" label="Who may" value={query.permission} options={rightsWith(query.permission)} />
          <button class="quiet">Show</button>
        </form>
        <p class="hint">Each reason is enough alone. To take the right away, end all of them.</p>
        {access.length === 0 && <p class="faint">Nobody on this page.</p>}
        <Entries caption="Teams" who="Team" entries={of("team:")} />
        <Entries caption="People" who="Person" entries={of("user:")} />
        <Entries caption="Access tokens" who="Access token" entries={of("token:")} />
        <More url={page.url} continuationToken={continuationToken} />
        {!page.may("org_token:read") && <p class="hint">Only administrators of {org.name} see the organization's access tokens.</p>}
        <h2>Grants on this stack</h2>
        <p class="hint">
          A grant is for this stack alone. Rights on more stacks come from roles, teams and{" "}
          <a href={placePath(org.name, "settings")}>the settings of {org.name}</a>.
        </p>
        {teams.length > 0 && (
          <Table caption="Grants of teams" head={["Team", "Right"]}>
            {teams.slice(0, GRANTS).map(({ name, permission }) => (
              <tr>
                <th scope="row">{name}</th>
                <td>{may.teams ? <TeamForm path={path} team={name} permission={permission} /> : grantNames[permission]}</td>
              </tr>
            ))}
          </Table>
        )}
        {teams.length > GRANTS && <p class="faint">and {teams.length - GRANTS} more teams. Type the name of one below to change it.</p>}
        {users.length > 0 && (
          <Table caption="Grants of people" head={["Person", "Right", ...(may.people ? ["Remove"] : [])]}>
            {users.slice(0, GRANTS).map(({ user, permission }) => (
              <tr>
                <th scope="row">{user.githubLogin}</th>
                <td>{grantNames[permission]}</td>
                {may.people && (
                  <td>
                    <form method="post" action={`${pathOf(path)}/access/people/remove`} class="inline">
                      <input type="hidden" name="login" value={user.githubLogin} />
                      <button class="quiet" aria-label={`Remove the grant of ${user.githubLogin}`}>
                        Remove
                      </button>
                    </form>
                  </td>
                )}
              </tr>
            ))}
          </Table>
        )}
        {teams.length + users.length === 0 && <p class="faint">There are none.</p>}
        {may.teams && (
          <>
            <h3>Give a team a right</h3>
            <form method="post" action={`${pathOf(path)}/access/teams`} class="narrow">
              <Field name="team" label="Team" value={page.form["team"]} required maxlength={100} hint={`Name of a team of ${org.name}`} />
              <Choice name="permission" label="Right" value="101" options={grants} />
              <button>Give</button>
            </form>
          </>
        )}
      </StackFrame>
    ),
  };
}

/** The rights to choose from, and the right that a link written by hand names. */
const rightsWith = (permission: string): readonly (readonly [string, string])[] =>
  rights.some(([name]) => name === permission) ? rights : [...rights, [permission, permission] as const];

const Entries = ({ caption, who, entries }: { caption: string; who: string; entries: StackAccess["access"] }) =>
  entries.length === 0 ? null : (
    <Table caption={caption} head={[who, "Why"]}>
      {entries.map(({ subject, name, reasons, moreReasons = 0 }) => (
        <tr>
          <th scope="row">{cut(subject.startsWith("user:") ? subject.slice(5) : name, TEXT)}</th>
          <td>
            {reasons.slice(0, REASONS).map(({ text }) => (
              <div>{cut(text, TEXT)}</div>
            ))}
            {reasons.length + moreReasons > REASONS && <div class="faint">and {reasons.length + moreReasons - REASONS} more</div>}
          </td>
        </tr>
      ))}
    </Table>
  );

const TeamForm = ({ path, team, permission }: { path: StackPath; team: string; permission: number }) => (
  <form method="post" action={`${pathOf(path)}/access/teams`} class="row">
    <input type="hidden" name="team" value={team} />
    <select name="permission" aria-label={`Right of team ${team}`}>
      {[...grants, ["0", "none"] as const].map(([value, label]) => (
        <option value={value} selected={value === String(permission)}>
          {label}
        </option>
      ))}
    </select>
    <button class="quiet" aria-label={`Change the right of team ${team}`}>
      Change
    </button>
  </form>
);
