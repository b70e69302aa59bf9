import type { OrgContext } from "../../context.ts";
import { deleteOrgToken } from "../../tokens/delete.ts";
import { getOrgToken } from "../../tokens/get.ts";
import { getTokenImpact } from "../../tokens/impact.ts";
import { revokeOrgToken } from "../../tokens/revoke.ts";
import type { Problem } from "../attempt.ts";
import { Field, Notice, Table, Time } from "../components.tsx";
import { type View, definePage } from "../page.tsx";
import { placePath, stackPath } from "../paths.ts";
import { Created, EndButtons, Successors, endedView } from "./created.tsx";
import { LastUse } from "./lastUse.tsx";

const TOKEN_PATH = "/:orgName/~/tokens/:tokenId" as const;
const idOf = (params: Record<string, string>) => params["tokenId"] ?? "";

export const tokenRemovePages = [
  definePage("GET", `${TOKEN_PATH}/delete`, "org_token:delete", async (ctx) => deletion(ctx, idOf(ctx.page.params))),
  definePage("POST", `${TOKEN_PATH}/delete`, "org_token:delete", async (ctx) => {
    const id = idOf(ctx.page.params);
    const { name } = await getOrgToken(ctx, id);
    if (ctx.page.form["confirmation"] !== name)
      return deletion(ctx, id, { message: "Nothing was deleted.", fields: { confirmation: "This is not the token's name." } });
    const list = placePath(ctx.org.name, "tokens");
    if (ctx.page.form["withDescendants"] === "true") {
      const { report } = await revokeOrgToken(ctx, id, "deleted in the console");
      return endedView(report, `Deleted ${name}`, list);
    }
    await deleteOrgToken(ctx, id, "deleted in the console");
    return { to: list };
  }),
];

/** Shows the use of a token before its deletion. */
async function deletion(ctx: OrgContext, id: string, problem?: Problem): Promise<View> {
  const token = await getOrgToken(ctx, id);
  const impact = await getTokenImpact(ctx, id);
  return {
    title: `Delete ${token.name}`,
    at: "tokens",
    status: problem ? 400 : 200,
    body: (
      <section>
        <h1>Delete {token.name}?</h1>
        {problem && <Notice kind="error">{problem.message}</Notice>}
        <p>This takes effect immediately and cannot be undone. The name cannot be reused.</p>
        <dl>
          <dt>Last used</dt>
          <dd>
            <LastUse token={token} />
            {impact.lastUsedBy && <div class="hint">{impact.lastUsedBy}</div>}
          </dd>
          <dt>Running now</dt>
          <dd>
            {impact.runningUpdates.length === 0
              ? "nothing"
              : impact.runningUpdates.map((update) => (
                  <div>
                    {update.kind} of{" "}
                    <a href={stackPath(ctx.org.name, update.projectName, update.stackName)}>
                      {update.projectName}/{update.stackName}
                    </a>
                  </div>
                ))}
          </dd>
          <Successors orgName={ctx.org.name} successors={impact.successors} />
        </dl>
        {impact.stacks.length === 0 ? (
          <p>This token changed no stack in the last 90 days.</p>
        ) : (
          <Table caption="Stacks changed by this token in the last 90 days" head={["Stack", "Updates", "Last"]}>
            {impact.stacks.slice(0, 50).map((stack) => (
              <tr>
                <th scope="row">
                  <a href={stackPath(ctx.org.name, stack.projectName, stack.stackName)}>
                    {stack.projectName}/{stack.stackName}
                  </a>
                </th>
                <td class="number">{stack.updates}</td>
                <td>
                  <Time at={stack.lastUpdate * 1000} />
                </td>
              </tr>
            ))}
          </Table>
        )}
        <Created created={impact.created} />
        <form method="post" class="narrow">
          <Field name="confirmation" label={`Type ${token.name} to confirm`} error={problem?.fields["confirmation"]} required autofocus />
          <EndButtons label="Delete" total={impact.created.total} /> <a href={placePath(ctx.org.name, "tokens", id)}>Cancel</a>
        </form>
      </section>
    ),
  };
}
