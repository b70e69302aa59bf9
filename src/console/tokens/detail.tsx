import type { OrgContext } from "../../context.ts";
import { disableOrgToken, enableOrgToken } from "../../tokens/enable.ts";
import { getOrgToken } from "../../tokens/get.ts";
import { getTokenImpact } from "../../tokens/impact.ts";
import { deleteOrgToken } from "../../tokens/delete.ts";
import { rotateOrgToken } from "../../tokens/rotate.ts";
import { RotateAccessTokenRequest, UpdateAccessTokenRequest } from "../../tokens/schema.ts";
import { updateOrgToken } from "../../tokens/update.ts";
import { getTokenUsage } from "../../tokens/usage.ts";
import { type Problem, attempt, readForm } from "../attempt.ts";
import { Choice, Empty, Field, Notice, Table, Time } from "../components.tsx";
import { keepOnce } from "../once.ts";
import { type View, definePage } from "../page.tsx";
import { placePath, stackPath } from "../paths.ts";
import { State } from "./list.tsx";
import { LastUse } from "./lastUse.tsx";

const T = "/:orgName/~/tokens/:tokenId" as const;
const DAYS = 30;
const idOf = (params: Record<string, string>) => params["tokenId"] ?? "";

export const detailPages = [
  definePage("GET", T, "org_token:read", async (ctx) => view(ctx, idOf(ctx.page.params), ctx.page.may("org_token:update"))),

  definePage("POST", `${T}/edit`, "org_token:update", async (ctx) => {
    const { form, params } = ctx.page;
    const body = readForm(UpdateAccessTokenRequest, { displayName: form["displayName"], description: form["description"] });
    const done = "problem" in body ? body : await attempt(() => updateOrgToken(ctx, idOf(params), body.value));
    return "problem" in done ? view(ctx, idOf(params), true, done.problem) : { to: placePath(ctx.org.name, "tokens", idOf(params)) };
  }),

  definePage("POST", `${T}/disable`, "org_token:update", async (ctx) => {
    await disableOrgToken(ctx, idOf(ctx.page.params), "in the console");
    return { to: placePath(ctx.org.name, "tokens", idOf(ctx.page.params)) };
  }),
  definePage("POST", `${T}/enable`, "org_token:update", async (ctx) => {
    const done = await attempt(() => enableOrgToken(ctx, idOf(ctx.page.params), "in the console"));
    if ("problem" in done) return view(ctx, idOf(ctx.page.params), true, done.problem);
    return { to: placePath(ctx.org.name, "tokens", idOf(ctx.page.params)) };
  }),

  definePage("POST", `${T}/rotate`, "org_token:update", async (ctx) => {
    const { form, params, hono } = ctx.page;
    const body = readForm(RotateAccessTokenRequest, { overlap: Number(form["overlap"] ?? 0) });
    const done = "problem" in body ? body : await attempt(() => rotateOrgToken(ctx, idOf(params), body.value));
    if ("problem" in done) return view(ctx, idOf(params), true, done.problem);
    const { id, name, tokenValue } = done.value;
    await keepOnce(ctx, hono, ctx.actor.token.id, { id, name, value: tokenValue });
    return { to: placePath(ctx.org.name, "tokens", id, "value") };
  }),

  definePage("GET", `${T}/delete`, "org_token:delete", async (ctx) => deletion(ctx, idOf(ctx.page.params))),
  definePage("POST", `${T}/delete`, "org_token:delete", async (ctx) => {
    const id = idOf(ctx.page.params);
    const { name } = await getOrgToken(ctx, id);
    if (ctx.page.form["confirmation"] !== name)
      return deletion(ctx, id, { message: "Nothing was deleted.", fields: { confirmation: "This is not the token's name." } });
    await deleteOrgToken(ctx, id, "deleted in the console");
    return { to: placePath(ctx.org.name, "tokens") };
  }),
];

async function view(ctx: OrgContext, id: string, mayChange: boolean, problem?: Problem): Promise<View> {
  const token = await getOrgToken(ctx, id);
  const usage = await getTokenUsage(ctx, id, DAYS);
  const here = placePath(ctx.org.name, "tokens", id);
  const living = token.status === "active" || token.status === "disabled";
  return {
    title: token.name,
    at: "tokens",
    status: problem ? 400 : 200,
    body: (
      <section>
        <div class="heading">
          <h1>
            {token.displayName && token.displayName !== token.name ? `${token.displayName} (${token.name})` : token.name}{" "}
            <State token={token} />
          </h1>
          <a href={`${placePath(ctx.org.name, "audit")}?tokenFilter=${encodeURIComponent(id)}`}>What it did</a>
        </div>
        {problem && <Notice kind="error">{problem.message}</Notice>}
        {token.status === "disabled" && (
          <Notice kind="warning">
            It is disabled{token.disabledReason && ` (${token.disabledReason})`}: it opens nothing until it is enabled.
          </Notice>
        )}
        {token.successor && token.overlapEnds !== undefined && (
          <Notice kind="info">
            It has <a href={placePath(ctx.org.name, "tokens", token.successor)}>a successor</a>; both work until{" "}
            <Time at={token.overlapEnds * 1000} />.
          </Notice>
        )}
        <dl>
          <dt>Rights</dt>
          <dd>{token.role?.name ?? "Member"}</dd>
          {token.stacks && (
            <>
              <dt>Only these stacks</dt>
              <dd>{token.stacks.map((rule) => `${rule.project}/${rule.stack} (${rule.access})`).join(", ") || "none"}</dd>
            </>
          )}
          {token.ipAllowList && token.ipAllowList.length > 0 && (
            <>
              <dt>Only from</dt>
              <dd>{token.ipAllowList.join(", ")}</dd>
            </>
          )}
          <dt>Description</dt>
          <dd>{token.description || "–"}</dd>
          <dt>Created</dt>
          <dd>
            <Time at={Date.parse(token.created)} /> by {token.createdBy}
          </dd>
          <dt>Last used</dt>
          <dd>
            <LastUse token={token} />
          </dd>
          <dt>Expires</dt>
          <dd>
            <Time at={token.expires === 0 ? null : token.expires * 1000} />
          </dd>
          <dt>Id</dt>
          <dd class="mono">{token.id}</dd>
          {token.rotatedFrom && (
            <>
              <dt>Successor of</dt>
              <dd>
                <a href={placePath(ctx.org.name, "tokens", token.rotatedFrom)}>an earlier token</a>
              </dd>
            </>
          )}
        </dl>
        <h2>Requests in the last {DAYS} days</h2>
        {usage.days.length === 0 ? (
          <Empty>
            <p>It was not used in this time.</p>
          </Empty>
        ) : (
          <Requests days={usage.days} now={ctx.now} />
        )}
        {usage.addresses.length > 0 && (
          <p class="faint">
            From {usage.addresses.map(({ value }) => value).join(", ")}
            {usage.clients.length > 0 && `; with ${usage.clients.map(({ value }) => value).join(", ")}`}
          </p>
        )}
        {mayChange && (
          <>
            {living && (
              <>
                <h2>Change</h2>
                <form method="post" action={`${here}/edit`} class="narrow">
                  <Field
                    name="displayName"
                    label="Display name"
                    value={token.displayName}
                    error={problem?.fields["displayName"]}
                    maxlength={100}
                  />
                  <Field
                    name="description"
                    label="Description"
                    value={token.description}
                    error={problem?.fields["description"]}
                    maxlength={255}
                  />
                  <button class="quiet">Save</button>
                </form>
                <h2>Rotate</h2>
                <form method="post" action={`${here}/rotate`} class="narrow">
                  <Choice
                    name="overlap"
                    label="Both values work for"
                    value="86400"
                    options={[
                      ["0", "no time: this one ends now"],
                      ["3600", "1 hour"],
                      ["86400", "1 day"],
                      ["604800", "7 days"],
                      ["2592000", "30 days"],
                    ]}
                    hint="The successor has the same rights. This one ends by itself."
                  />
                  <button class="quiet">Create successor</button>
                </form>
              </>
            )}
            <h2>End</h2>
            {living && (
              <form method="post" action={`${here}/${token.status === "disabled" ? "enable" : "disable"}`} class="inline">
                <button class="quiet">{token.status === "disabled" ? "Enable" : "Disable for now"}</button>
              </form>
            )}{" "}
            <a class="button danger" href={`${here}/delete`}>
              Delete…
            </a>
          </>
        )}
      </section>
    ),
  };
}

const Requests = ({ days, now }: { days: { day: string; requests: number }[]; now: number }) => {
  const byDay = new Map(days.map(({ day, requests }) => [day, requests]));
  const all = Array.from({ length: DAYS }, (_, i) => {
    const day = new Date(now - (DAYS - 1 - i) * 86_400_000).toISOString().slice(0, 10);
    return { day, requests: byDay.get(day) ?? 0 };
  });
  const most = Math.max(1, ...all.map(({ requests }) => requests));
  const total = all.reduce((sum, { requests }) => sum + requests, 0);
  return (
    <svg class="chart" viewBox="0 0 600 84" role="img" aria-label={`${total} requests in ${DAYS} days, at most ${most} a day`}>
      {all.map(({ day, requests }, i) => (
        <rect class="bar" x={i * 20 + 2} y={62 - (requests / most) * 54} width="16" height={(requests / most) * 54} rx="2">
          <title>{`${day}: ${requests}`}</title>
        </rect>
      ))}
      <text x="2" y="80">
        {all[0]!.day}
      </text>
      <text x="598" y="80" text-anchor="end">
        {all.at(-1)!.day}
      </text>
    </svg>
  );
};

/** What would notice, before anybody says yes. */
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
        <p>It ends at once and for good: no write, export or decryption is accepted from it once it is deleted. Its name stays taken.</p>
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
        </dl>
        {impact.stacks.length === 0 ? (
          <p>It changed no stack in the last 90 days.</p>
        ) : (
          <Table caption="Stacks that it changed in the last 90 days" head={["Stack", "Updates", "Last"]}>
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
        <form method="post" class="narrow">
          <Field name="confirmation" label={`Type ${token.name} to confirm`} error={problem?.fields["confirmation"]} required autofocus />
          <button class="danger">Delete token</button> <a href={placePath(ctx.org.name, "tokens", id)}>Cancel</a>
        </form>
      </section>
    ),
  };
}
