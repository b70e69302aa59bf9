import { cut } from "../../http/pageText.ts";
import { type HolderCounts, type RoleSummary, summarizeRolesInUse } from "../../roles/summaries.ts";
import { Badge, Empty, Table, partOf } from "../components.tsx";
import { definePage } from "../page.tsx";
import { placePath } from "../paths.ts";
import { InShort } from "./opens.tsx";

/** Maximum number of rows of a list, because a row may have several lines. */
const MOST_ROWS = 25;

const isSet = ({ purpose }: RoleSummary) => purpose === "set" || purpose === "policy";

export const roleListPage = definePage("GET", "/:orgName/~/roles", "role:read", async (ctx) => {
  const { page, org } = ctx;
  const { roles, counts } = await summarizeRolesInUse(ctx);
  const custom = roles.filter((role) => role.isCustom);
  const people = partOf(
    custom.filter((role) => !isSet(role)),
    page.url,
    "roles",
    MOST_ROWS,
  );
  const sets = partOf(roles.filter(isSet), page.url, "sets", MOST_ROWS);
  const List = ({ caption, list }: { caption: string; list: RoleSummary[] }) => (
    <Table caption={caption} head={["Role", "It opens", "People", "Teams", "Tokens"]}>
      {list.map((role) => (
        <Row role={role} orgName={org.name} counts={counts.get(role.id)} showsTokens={page.may("org_token:read")} />
      ))}
    </Table>
  );
  return {
    title: "Roles",
    at: "roles",
    body: (
      <section>
        <div class="heading">
          <h1>Roles</h1>
          {page.may("role:create") && (
            <a class="button" href={placePath(org.name, "roles", "new")}>
              Create role
            </a>
          )}
        </div>
        <p class="faint">
          A role decides what its holders may do. Rights add up: members have the rights of their role and of their teams, and rights on the
          stacks that they created.
        </p>
        <h2>Built-in roles</h2>
        <List caption="Built-in roles" list={roles.filter((role) => role.builtIn !== undefined)} />
        <h2>Custom roles</h2>
        {people.shown.length === 0 ? (
          <Empty>
            <p>No custom roles yet. With one, people and tokens can have rights on some stacks only, or some rights only.</p>
            {page.may("role:create") && <a href={placePath(org.name, "roles", "new")}>Create the first role</a>}
          </Empty>
        ) : (
          <List caption="Custom roles" list={people.shown} />
        )}
        <people.Parts />
        <h2>Permission sets</h2>
        <p class="faint">Roles include permission sets. Nobody holds a set directly.</p>
        <Table caption="Permission sets" head={["Permission set", "It opens"]}>
          {sets.shown.map((set) => (
            <tr>
              <Name role={set} orgName={org.name} />
              <td class="opens">
                <InShort role={set} />
              </td>
            </tr>
          ))}
        </Table>
        <sets.Parts />
      </section>
    ),
  };
});

const Name = ({ role, orgName }: { role: RoleSummary; orgName: string }) => (
  <th scope="row">
    <a href={placePath(orgName, "roles", role.id)}>{cut(role.name, 150)}</a>
    {role.isDefault && (
      <>
        {" "}
        <Badge kind="info">default</Badge>
      </>
    )}
    {role.description && <div class="hint">{cut(role.description, 150)}</div>}
  </th>
);

interface RowProps {
  role: RoleSummary;
  orgName: string;
  counts: HolderCounts | undefined;
  /** Whether the reader may know about access tokens. */
  showsTokens: boolean;
}

const Row = ({ role, orgName, counts, showsTokens }: RowProps) => (
  <tr>
    <Name role={role} orgName={orgName} />
    <td class="opens">
      <InShort role={role} />
    </td>
    <td class="number">{counts?.people ?? 0}</td>
    <td class="number">{role.builtIn ? "–" : (counts?.teams ?? 0)}</td>
    <td class="number">{showsTokens ? (counts?.tokens ?? 0) : "–"}</td>
  </tr>
);
