import { has, requireRight } from "../../auth/right.ts";
import type { OrgContext } from "../../context.ts";
import { deleteOrgToken } from "../../tokens/delete.ts";
import { getOrgToken } from "../../tokens/get.ts";
import { getTokenImpact } from "../../tokens/impact.ts";
import { type TokenOwner, theOrganization } from "../../tokens/owner.ts";
import { revokeOrgToken } from "../../tokens/revoke.ts";
import { answering } from "../attempt.ts";
import { Field, Notice } from "../components.tsx";
import type { NavigationItem } from "../document.tsx";
import { type Done, type PageInput, type View, definePage } from "../page.tsx";
import { placePath, stackPath } from "../paths.ts";
import { Created, EndButtons, Successors, endedView } from "./created.tsx";
import { LastUse } from "./lastUse.tsx";
import { ChangedStacks } from "./stacks.tsx";

const TOKEN_PATH = "/:orgName/~/tokens/:tokenId" as const;
const MOST_STACKS = 50;

/** Where the pages of a token are, and whose it is. */
interface Place {
  owner: TokenOwner;
  list: string;
  /** The page to which a reader returns who cancels. */
  back: string;
  at: NavigationItem;
}

type Context = OrgContext & { page: PageInput };
const idOf = ({ page }: Context) => page.params["tokenId"] ?? "";
const ofOrganization = (ctx: Context): Place => ({
  owner: theOrganization,
  list: placePath(ctx.org.name, "tokens"),
  back: placePath(ctx.org.name, "tokens", idOf(ctx)),
  at: "tokens",
});

export const tokenRemovePages = [
  definePage("GET", `${TOKEN_PATH}/delete`, "org_token:delete", (ctx) => deletionView(ctx, ofOrganization(ctx))),
  definePage("POST", `${TOKEN_PATH}/delete`, "org_token:delete", (ctx) => deleteConfirmed(ctx, ofOrganization(ctx))),
];

/** Deletes the token if its name was typed. The caller has checked that the reader may delete tokens of the owner. */
export async function deleteConfirmed(ctx: Context, place: Place): Promise<Done> {
  const id = idOf(ctx);
  const { owner, list } = place;
  const { name } = await getOrgToken(ctx, id, owner);
  if (ctx.page.form["confirmation"] !== name)
    return deletionView(ctx, place, { message: "Nothing was deleted.", fields: { confirmation: "This is not the token's name." } });
  if (ctx.page.form["withDescendants"] === "true") {
    // This also ends members and tokens of the organization, so it needs more than the right to the tokens of a team.
    await requireRight(ctx, "org_token:delete");
    const { report } = await revokeOrgToken(ctx, id, "deleted in the console", owner);
    return endedView(report, `Deleted ${name}`, list);
  }
  await deleteOrgToken(ctx, id, "deleted in the console", owner);
  return { to: list, said: `The token ${name} was deleted.` };
}

/** Shows the use of a token before its deletion. */
export async function deletionView(ctx: Context, { owner, back, at }: Place, problem = ctx.page.problem): Promise<View> {
  const id = idOf(ctx);
  const token = await getOrgToken(ctx, id, owner);
  const mayEndMore = has(ctx, "org_token:delete");
  const impact = await getTokenImpact(ctx, id, owner);
  return {
    title: `Delete ${token.name}`,
    at,
    ...answering(problem),
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
          <Successors orgName={owner.kind === "organization" ? ctx.org.name : undefined} successors={impact.successors} />
        </dl>
        <ChangedStacks orgName={ctx.org.name} stacks={impact.stacks} most={MOST_STACKS} />
        <Created created={impact.created} />
        <form method="post" class="narrow">
          <Field name="confirmation" label={`Type ${token.name} to confirm`} error={problem?.fields["confirmation"]} required autofocus />
          <EndButtons label="Delete" total={mayEndMore ? impact.created.total : 0} /> <a href={back}>Cancel</a>
        </form>
      </section>
    ),
  };
}
