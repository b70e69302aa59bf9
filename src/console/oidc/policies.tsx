import type { JSX } from "hono/jsx/jsx-runtime";
import { cut } from "../../http/pageText.ts";
import { AppError, notFound } from "../../errors.ts";
import { requireRight } from "../../auth/right.ts";
import { getAuthPolicy, updateAuthPolicy } from "../../oidc/authPolicy.ts";
import type { AuthPolicy, Issuer } from "../../oidc/openapi.ts";
import { countSessions } from "../../oidc/sessions.ts";
import { type Problem, attempt } from "../attempt.ts";
import { Badge, Empty, Notice, Time, partOf } from "../components.tsx";
import { type View, definePage } from "../page.tsx";
import { ISSUER_PAGE, type IssuerContext, issuerFor, issuerPath, issuerView } from "./frame.tsx";
import { lifetime } from "./list.tsx";
import type { Definition } from "./policyFields.tsx";
import { InWords, Warnings } from "./policyInWords.tsx";
import { Refused } from "./refused.tsx";
import { namesOfRoles } from "./roleNames.ts";

/** Maximum number of policies on a page. */
const MOST_SHOWN = 15;

export const policyPages = [
  definePage("GET", ISSUER_PAGE, "oidc_issuers:read", (ctx) => view(ctx)),

  definePage("POST", `${ISSUER_PAGE}/policies/:place/move`, "auth_policies:update", async (ctx) => {
    const { issuer, policy, at } = await placeIn(ctx);
    const to = ctx.page.form["to"] === "up" ? at - 1 : at + 1;
    const moved = [...policy.policies];
    const [one] = moved.splice(at, 1);
    if (to < 0 || to > moved.length) throw new AppError(400, "The policy is the first or the last one already.");
    moved.splice(to, 0, one!);
    const done = await attempt(() => updateAuthPolicy(ctx, policy.id, { policies: moved }, versionIn(ctx)));
    return "problem" in done ? view(ctx, done.problem, issuer) : { to: partPath(ctx, to), said: "The policy was moved." };
  }),

  definePage("POST", `${ISSUER_PAGE}/enable`, "auth_policies:update", async (ctx) => {
    const { id, policies } = await policyFor(ctx);
    const done = await attempt(() => updateAuthPolicy(ctx, id, { policies }, versionIn(ctx)));
    return "problem" in done ? view(ctx, done.problem) : { to: issuerPath(ctx), said: "The identity provider was enabled." };
  }),
];

/** Reads the policy for a page that changes it. @throws 403, 404 */
export async function policyFor(ctx: IssuerContext): Promise<AuthPolicy> {
  await requireRight(ctx, "auth_policies:read");
  const issuer = await issuerFor(ctx);
  return getAuthPolicy(ctx, issuer.id);
}

/** The definition that the path names, counted from 1. @throws 404 */
export async function placeIn(ctx: IssuerContext): Promise<{ issuer: Issuer; policy: AuthPolicy; at: number; one: Definition }> {
  await requireRight(ctx, "auth_policies:read");
  const issuer = await issuerFor(ctx);
  const policy = await getAuthPolicy(ctx, issuer.id);
  const written = ctx.page.params["place"] ?? "";
  const at = /^[1-9]\d{0,3}$/.test(written) ? Number(written) - 1 : -1;
  const one = policy.policies[at];
  if (!one) throw notFound("Policy");
  return { issuer, policy, at, one };
}

/** The version of the policy that the form was made from. An invalid version becomes -1, which no policy has. */
export const versionIn = ({ page }: IssuerContext): number =>
  /^\d{1,9}$/.test(page.form["version"] ?? "") ? Number(page.form["version"]) : -1;

/** The part of the page that shows a policy. */
export const partPath = (ctx: IssuerContext, at: number) =>
  at < MOST_SHOWN ? issuerPath(ctx) : `${issuerPath(ctx)}?part=${Math.floor(at / MOST_SHOWN) + 1}`;

async function view(ctx: IssuerContext, problem?: Problem, known?: Issuer): Promise<View> {
  const { org, page } = ctx;
  const issuer = known ?? (await issuerFor(ctx));
  const mayRead = page.may("auth_policies:read");
  const policy = mayRead ? await getAuthPolicy(ctx, issuer.id) : undefined;
  const sessions = await countSessions(ctx, issuer.id);
  return issuerView({
    ctx,
    issuer,
    at: "",
    title: "",
    problem,
    children: (
      <>
        {issuer.disabled && <Disabled ctx={ctx} issuer={issuer} policy={policy} />}
        <dl>
          <dt>Issuer</dt>
          <dd>{issuer.url}</dd>
          <dt>Valid sessions</dt>
          <dd>
            <a href={issuerPath(ctx, "sessions")}>{sessions}</a>
          </dd>
          <dt>Last used</dt>
          <dd>
            <Time at={issuer.lastUsed ? Date.parse(issuer.lastUsed) : null} />
          </dd>
          <dt>Longest lifetime</dt>
          <dd>{lifetime(issuer.maxExpiration)}</dd>
          <dt>Audiences</dt>
          <dd>{["the organization's", "this server's", ...issuer.audiences.map((one) => cut(one, 300))].join(", ")}</dd>
          <dt>Keys</dt>
          <dd>{issuer.jwks ? `${issuer.jwks.keys.length} registered by an administrator` : "as the issuer publishes them"}</dd>
          {issuer.singleUse && (
            <>
              <dt>Exchanges</dt>
              <dd>each token once</dd>
            </>
          )}
        </dl>
        {policy ? await Policies({ ctx, policy }) : <p class="faint">You may not see the policies of identity providers in {org.name}.</p>}
        {page.may("audit_logs:read") && (await Refused({ ctx, issuer }))}
      </>
    ),
  });
}

const Disabled = ({ ctx, issuer, policy }: { ctx: IssuerContext; issuer: Issuer; policy: AuthPolicy | undefined }) => (
  <>
    <Notice kind="warning">
      It is disabled since <Time at={Date.parse(issuer.disabled!)} exact />, because the credential that set it up was revoked. None of its
      tokens is exchanged. Check its policies and its keys before you enable it.
    </Notice>
    {policy && policy.policies.length > 0 && ctx.page.may("auth_policies:update") && (
      <form method="post" action={issuerPath(ctx, "enable")}>
        <input type="hidden" name="version" value={String(policy.version)} />
        <button>Enable</button>
      </form>
    )}
  </>
);

async function Policies({ ctx, policy }: { ctx: IssuerContext; policy: AuthPolicy }): Promise<JSX.Element> {
  const { page } = ctx;
  const mayChange = page.may("auth_policies:update");
  const numbered = policy.policies.map((one, at) => ({ one, at }));
  const { shown, Parts } = partOf(numbered, page.url, "part", MOST_SHOWN);
  const nameOf = await namesOfRoles(
    ctx,
    shown.map(({ one }) => one.roleID),
  );
  return (
    <>
      <div class="heading">
        <h2>Policies</h2>
        {mayChange && (
          <a class="button" href={issuerPath(ctx, "policies", "new")}>
            Add policy
          </a>
        )}
      </div>
      <p class="faint">
        An exchange is allowed if a policy that allows it matches, and no policy that denies it. Their order has no influence.{" "}
        {mayChange && policy.policies.length > 0 && <a href={issuerPath(ctx, "policies", "json")}>Change all as JSON</a>}
      </p>
      {policy.policies.length === 0 ? (
        <Empty>
          <p>It has no policy yet, so it exchanges no token.</p>
          {mayChange && <a href={issuerPath(ctx, "policies", "json")}>Write all policies as JSON</a>}
        </Empty>
      ) : (
        <ol class="policies">
          {shown.map(({ one, at }) => (
            <li>
              <div class="heading">
                <h3>
                  Policy {at + 1} <Badge kind={one.decision === "allow" ? "good" : "bad"}>{one.decision}</Badge>
                </h3>
                {mayChange && <Actions ctx={ctx} policy={policy} at={at} />}
              </div>
              <InWords one={one} nameOf={nameOf} />
              <Warnings policy={policy} at={at} />
            </li>
          ))}
        </ol>
      )}
      <Parts />
    </>
  );
}

const Actions = ({ ctx, policy, at }: { ctx: IssuerContext; policy: AuthPolicy; at: number }) => {
  const number = String(at + 1);
  const last = policy.policies.length - 1;
  return (
    <div class="actions">
      <a href={issuerPath(ctx, "policies", number)} aria-label={`Change policy ${number}`}>
        Change
      </a>
      {last > 0 && (
        <form method="post" action={issuerPath(ctx, "policies", number, "move")} class="buttons">
          <input type="hidden" name="version" value={String(policy.version)} />
          {at > 0 && (
            <button class="quiet" name="to" value="up" aria-label={`Move policy ${number} up`}>
              ↑
            </button>
          )}
          {at < last && (
            <button class="quiet" name="to" value="down" aria-label={`Move policy ${number} down`}>
              ↓
            </button>
          )}
        </form>
      )}
      <a href={issuerPath(ctx, "policies", number, "delete")} aria-label={`Delete policy ${number}`}>
        Delete…
      </a>
    </div>
  );
};
