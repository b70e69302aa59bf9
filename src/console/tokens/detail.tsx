import type { OrgContext } from "../../context.ts";
import { disableOrgToken, enableOrgToken } from "../../tokens/enable.ts";
import { getOrgToken } from "../../tokens/get.ts";
import { rotateOrgToken } from "../../tokens/rotate.ts";
import { RotateAccessTokenRequest, UpdateAccessTokenRequest } from "../../tokens/schema.ts";
import { updateOrgToken } from "../../tokens/update.ts";
import type { AccessToken } from "../../tokens/openapi.ts";
import type { TokenUsage } from "../../tokens/openapi.ts";
import { getTokenStacks } from "../../tokens/impact.ts";
import { getTokenUsage } from "../../tokens/usage.ts";
import { cut } from "../../http/pageText.ts";
import { getRightsize } from "../../rightsize/get.ts";
import { answering, attempt, readForm } from "../attempt.ts";
import { Days } from "../charts.tsx";
import { Empty, Notice, Table, Time } from "../components.tsx";
import { keepOnce } from "../once.ts";
import { type PageInput, type View, definePage } from "../page.tsx";
import { auditPath } from "../audit/query.ts";
import { placePath } from "../paths.ts";
import { roleChoices } from "../roles/picker.tsx";
import { TokenChanges, editBody } from "./change.tsx";
import { rolesOfTokens } from "./roles.ts";
import { limitsForm } from "./limits.tsx";
import { State } from "./row.tsx";
import { ChangedStacks } from "./stacks.tsx";
import { LastUse } from "./lastUse.tsx";
import { PROPOSED, USED, USED_DAYS, WhatItUsed, proposedStacks } from "./rightsize.tsx";

const TOKEN_PATH = "/:orgName/~/tokens/:tokenId" as const;
const DAYS = 30;
const MOST_STACKS = 20;
const idOf = (params: Record<string, string>) => params["tokenId"] ?? "";

export const detailPages = [
  definePage("GET", TOKEN_PATH, "org_token:read", async (ctx) => view(ctx, idOf(ctx.page.params), ctx.page.may("org_token:update"))),

  definePage("POST", `${TOKEN_PATH}/edit`, "org_token:update", async (ctx) => {
    const { form, params } = ctx.page;
    const body = readForm(UpdateAccessTokenRequest, editBody(ctx, form, await getOrgToken(ctx, idOf(params))));
    const done = "problem" in body ? body : await attempt(() => updateOrgToken(ctx, idOf(params), body.value));
    return "problem" in done
      ? view(ctx, idOf(params), true, done.problem)
      : { to: placePath(ctx.org.name, "tokens", idOf(params)), said: "The token was saved." };
  }),

  definePage("POST", `${TOKEN_PATH}/disable`, "org_token:update", async (ctx) => {
    await disableOrgToken(ctx, idOf(ctx.page.params), "in the console");
    return { to: placePath(ctx.org.name, "tokens", idOf(ctx.page.params)), said: "The token was disabled." };
  }),
  definePage("POST", `${TOKEN_PATH}/enable`, "org_token:update", async (ctx) => {
    const done = await attempt(() => enableOrgToken(ctx, idOf(ctx.page.params), "in the console"));
    if ("problem" in done) return view(ctx, idOf(ctx.page.params), true, done.problem);
    return { to: placePath(ctx.org.name, "tokens", idOf(ctx.page.params)), said: "The token was enabled." };
  }),

  definePage("POST", `${TOKEN_PATH}/rotate`, "org_token:update", async (ctx) => {
    const { form, params, hono } = ctx.page;
    const body = readForm(RotateAccessTokenRequest, { overlap: Number(form["overlap"] ?? 0) });
    const done = "problem" in body ? body : await attempt(() => rotateOrgToken(ctx, idOf(params), body.value));
    if ("problem" in done) return view(ctx, idOf(params), true, done.problem);
    const { id, name, tokenValue } = done.value;
    await keepOnce(ctx, hono, ctx.actor.token.id, { id, name, value: tokenValue });
    return { to: placePath(ctx.org.name, "tokens", id, "value"), said: null };
  }),
];

const disabled: Record<NonNullable<AccessToken["disabledReason"]>, string> = {
  admin: "This token is disabled: it cannot be used until it is enabled.",
  unused: "This token was disabled because it was not used. It cannot be used until it is enabled.",
  leaked: "This token was found in public and is disabled permanently. Rotate it to create a successor.",
  "maker-leaked":
    "The credential that created this token was found in public, so the token is disabled permanently. Rotate it to create a successor.",
};

async function view(ctx: OrgContext & { page: PageInput }, id: string, mayChange: boolean, problem = ctx.page.problem): Promise<View> {
  const token = await getOrgToken(ctx, id);
  const choices = mayChange ? await roleChoices(ctx, rolesOfTokens, "built-in") : [];
  const usage = await getTokenUsage(ctx, id, DAYS);
  const stacks = await getTokenStacks(ctx, id);
  const { query } = ctx.page;
  const rightsize = mayChange && query.has(USED) ? await getRightsize(ctx, id, USED_DAYS) : undefined;
  const proposed = rightsize && query.has(PROPOSED) ? proposedStacks(rightsize) : undefined;
  return {
    title: token.name,
    at: "tokens",
    ...answering(problem),
    body: (
      <section>
        <div class="heading">
          <h1>
            {token.displayName && token.displayName !== token.name ? `${token.displayName} (${token.name})` : token.name}{" "}
            <State token={token} />
          </h1>
          <span class="actions">
            {ctx.page.may("audit_logs:read") && <a href={auditPath(ctx.org.name, { tokenFilter: id })}>View in audit log</a>}
            {ctx.page.may("org_token:create") && (
              <a class="button quiet" href={`${placePath(ctx.org.name, "tokens", "new")}?like=${encodeURIComponent(id)}`}>
                Create one like this
              </a>
            )}
          </span>
        </div>
        {problem && <Notice kind="error">{problem.message}</Notice>}
        {token.status === "disabled" && <Notice kind="warning">{disabled[token.disabledReason ?? "admin"]}</Notice>}
        {token.successor && token.overlapEnds !== undefined && (
          <Notice kind="info">
            This token has <a href={placePath(ctx.org.name, "tokens", token.successor)}>a successor</a>
            {token.status === "active" && (
              <>
                ; both are valid until <Time at={token.overlapEnds * 1000} exact />
              </>
            )}
            .
          </Notice>
        )}
        <dl>
          <dt>Permissions</dt>
          <dd>
            {token.role && ctx.page.may("role:read") ? (
              <a href={placePath(ctx.org.name, "roles", token.role.id)}>{token.role.name}</a>
            ) : (
              (token.role?.name ?? "Member")
            )}
          </dd>
          {token.stacks && (
            <>
              <dt>Allowed stacks</dt>
              <dd>{limitsForm(token)["stacks"]}</dd>
            </>
          )}
          {token.ipAllowList && token.ipAllowList.length > 0 && (
            <>
              <dt>Allowed networks</dt>
              <dd>{token.ipAllowList.join(", ")}</dd>
            </>
          )}
          {token.countryAllowList && token.countryAllowList.length > 0 && (
            <>
              <dt>Allowed countries</dt>
              <dd>{token.countryAllowList.join(", ")}</dd>
            </>
          )}
          {token.mayRotateItself && (
            <>
              <dt>Rotation</dt>
              <dd>The token may rotate itself.</dd>
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
            <Time at={token.expires === 0 ? null : token.expires * 1000} exact />
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
            <p>No requests in this time.</p>
          </Empty>
        ) : (
          <Requests days={usage.days} now={ctx.now} />
        )}
        <Origins usage={usage} />
        <h2>Stacks in the last 90 days</h2>
        <ChangedStacks
          orgName={ctx.org.name}
          stacks={stacks}
          most={MOST_STACKS}
          eventsOf={ctx.page.may("audit_logs:read") ? id : undefined}
        />
        {mayChange && (
          <WhatItUsed
            here={placePath(ctx.org.name, "tokens", id)}
            rightsize={rightsize}
            mayLimit={!token.admin && (token.status === "active" || token.status === "disabled")}
          />
        )}
        {mayChange && token.status !== "deleted" && (
          <TokenChanges
            ctx={ctx}
            token={token}
            choices={choices}
            problem={problem}
            proposed={proposed === undefined ? {} : { stacks: proposed }}
          />
        )}
      </section>
    ),
  };
}

/** Addresses, countries and clients of the token, the latest of each. */
const Origins = ({ usage }: { usage: TokenUsage }) => {
  const kinds = [
    ["Address", usage.addresses],
    ["Country", usage.countries],
    ["Client", usage.clients],
  ] as const;
  if (kinds.every(([, its]) => its.length === 0)) return <></>;
  return (
    <Table caption="Where its requests came from" head={["From", "Value", "Last"]}>
      {kinds.flatMap(([kind, its]) =>
        its.map(({ value, lastUsed }) => (
          <tr>
            <td>{kind}</td>
            <td class="anywhere">{cut(value, 300)}</td>
            <td>
              <Time at={lastUsed * 1000} />
            </td>
          </tr>
        )),
      )}
    </Table>
  );
};

const Requests = ({ days, now }: { days: { day: string; requests: number }[]; now: number }) => {
  const total = days.reduce((sum, { requests }) => sum + requests, 0);
  const text = `${total} request${total === 1 ? "" : "s"}, at most ${Math.max(...days.map(({ requests }) => requests))} a day`;
  return (
    <Days counts={days.map(({ day, requests }) => ({ day, count: requests }))} now={now} days={DAYS} label={text}>
      {text}
    </Days>
  );
};
