import type { Membership } from "../context.ts";
import { acceptMembership, leaveOrganization } from "../orgs/consent.ts";
import { builtInRoles } from "../roles/builtIn.ts";
import { answering, attempt } from "./attempt.ts";
import { Empty, Notice, Table } from "./components.tsx";
import { ORGANIZATIONS, orgPath } from "./paths.ts";
import { type PageContext, type View, defineOwnPage, definePage } from "./page.tsx";

/** A person's memberships, accepted or not, with a way to leave each. A member can leave whatever the organization's settings are. */
export const organizationPages = [
  defineOwnPage("GET", ORGANIZATIONS, "person", async (ctx) => view(ctx)),
  definePage("POST", `${ORGANIZATIONS}/:organization/accept`, "person", async (ctx) => {
    const name = ctx.page.params["organization"] ?? "";
    await acceptMembership(ctx, name);
    return { to: orgPath(name), said: `You are a member of ${name} now.` };
  }),
  definePage("POST", `${ORGANIZATIONS}/:organization/leave`, "person", async (ctx) => {
    const done = await attempt(() => leaveOrganization(ctx, ctx.page.params["organization"] ?? ""));
    return "problem" in done ? view(ctx, done.problem) : { to: ORGANIZATIONS, said: `You left ${ctx.page.params["organization"] ?? ""}.` };
  }),
];

const view = ({ actor, page }: PageContext<"person">, problem = page.problem): View => ({
  title: "Your organizations",
  ...answering(problem),
  body: (
    <section>
      <h1>Your organizations</h1>
      {problem && <Notice kind="error">{problem.message}</Notice>}
      {actor.memberships.length === 0 ? (
        <Empty>
          <p>You are not in any organization. Ask an administrator for an invitation.</p>
        </Empty>
      ) : (
        <Table caption="Your organizations" head={["Organization", "Role", "Accept", "Leave"]}>
          {actor.memberships.map((membership) => (
            <Row {...membership} />
          ))}
        </Table>
      )}
      <p class="faint">
        You can already use an organization to which you were added. Until you accept, its rules do not apply to your login, and its log
        does not show your own tokens and sign-ins.
      </p>
    </section>
  ),
});

const Row = ({ org, role, custom, isAccepted, addedBy }: Membership) => {
  const here = `${ORGANIZATIONS}/${encodeURIComponent(org.name)}`;
  return (
    <tr>
      <th scope="row">
        <a href={orgPath(org.name)}>{org.name}</a>
        {!isAccepted && <div class="hint">added by {addedBy || "somebody"}</div>}
      </th>
      <td>{custom?.name ?? builtInRoles[role].name}</td>
      <td>
        {isAccepted ? (
          "accepted"
        ) : (
          <form method="post" action={`${here}/accept`}>
            <button aria-label={`Accept the membership of ${org.name}`}>Accept</button>
          </form>
        )}
      </td>
      <td>
        <details>
          <summary>Leave…</summary>
          <form method="post" action={`${here}/leave`}>
            <button class="danger" aria-label={`Leave ${org.name}`}>
              Leave now
            </button>
          </form>
        </details>
      </td>
    </tr>
  );
};
