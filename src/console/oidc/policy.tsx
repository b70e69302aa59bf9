import { AppError } from "../../errors.ts";
import { parseJson } from "../../http/json.ts";
import { allowsLess, updateAuthPolicy } from "../../oidc/authPolicy.ts";
import { type SentDefinitions, checkDefinitions } from "../../oidc/definitions.ts";
import { getIssuer } from "../../oidc/issuer.ts";
import type { AuthPolicy, Issuer } from "../../oidc/openapi.ts";
import { PolicyDefinition, UpdatePolicyRequest } from "../../oidc/schema.ts";
import { countSessions } from "../../oidc/sessions.ts";
import type { PolicyDefinition as Stored } from "../../oidc/table.ts";
import { type Problem, attempt, readForm, statusOf } from "../attempt.ts";
import { Area, Notice } from "../components.tsx";
import { type Done, type View, definePage } from "../page.tsx";
import { EndsTokens, ISSUER_PAGE, type IssuerContext, idIn, issuerPath, unanswered } from "./frame.tsx";
import { partPath, placeIn, policyFor, versionIn } from "./policies.tsx";
import { InWords } from "./policyInWords.tsx";
import { type Definition, PolicyFields, formOf, isTooLong, readFields, withMoreRows } from "./policyFields.tsx";
import { namesOfRoles, offeredRoles } from "./roleNames.ts";

type Form = Record<string, string>;
const PLACES = `${ISSUER_PAGE}/policies` as const;
const permission = "auth_policies:update";

/** One policy as a form, and all policies of an issuer as JSON. Both send the request of the API. */
export const policyEditPages = [
  definePage("GET", `${PLACES}/new`, permission, async (ctx) => {
    const policy = await policyFor(ctx);
    return formView(ctx, { form: { version: String(policy.version) } });
  }),
  definePage("POST", `${PLACES}/new`, permission, (ctx) => saveOne(ctx)),

  definePage("GET", `${PLACES}/json`, permission, async (ctx) => {
    const policy = await policyFor(ctx);
    return jsonView(ctx, { version: String(policy.version), policies: JSON.stringify(policy.policies, null, 2) });
  }),
  definePage("POST", `${PLACES}/json`, permission, async (ctx) => {
    const { form } = ctx.page;
    const policy = await policyFor(ctx);
    if (isTooLong({ policies: form["policies"] ?? "" })) throw new AppError(413, `${TOO_LONG} Send them with the API.`);
    // A form sends the ends of lines as two characters.
    const parsed = await attempt(async () => parseJson((form["policies"] ?? "").replaceAll("\r\n", "\n")), [400, 413]);
    const body = "problem" in parsed ? parsed : readForm(UpdatePolicyRequest, { policies: parsed.value });
    if ("problem" in body)
      return jsonView(ctx, form, {
        message: "The policies are not valid.",
        fields: { policies: Object.values(body.problem.fields)[0] ?? `${body.problem.message}.` },
      });
    const done = await save(ctx, policy, body.value.policies);
    return done ? jsonView(ctx, form, done.problem, done.ends) : { to: issuerPath(ctx), said: "The policies were saved." };
  }),

  definePage("GET", `${PLACES}/:place`, permission, async (ctx) => {
    const { policy, one, at } = await placeIn(ctx);
    return formView(ctx, { form: { version: String(policy.version), ...formOf(one) }, one, at });
  }),
  definePage("POST", `${PLACES}/:place`, permission, (ctx) => saveOne(ctx, "changed")),

  definePage("GET", `${PLACES}/:place/delete`, permission, (ctx) => deletionView(ctx)),
  definePage("POST", `${PLACES}/:place/delete`, permission, async (ctx) => {
    const { policy, at } = await placeIn(ctx);
    const left = policy.policies.toSpliced(at, 1);
    const done = await attempt(() => updateAuthPolicy(ctx, policy.id, { policies: left }, versionIn(ctx)));
    return "problem" in done
      ? deletionView(ctx, done.problem)
      : { to: partPath(ctx, Math.max(0, at - 1)), said: "The policy was deleted." };
  }),
];

async function saveOne(ctx: IssuerContext, changed?: "changed"): Promise<Done> {
  const { form } = ctx.page;
  if (isTooLong(form)) throw new AppError(413, `${TOO_LONG} Send it with the API.`);
  const place = changed ? await placeIn(ctx) : undefined;
  const policy = place?.policy ?? (await policyFor(ctx));
  const shown = { form, one: place?.one, at: place?.at };
  if (form["more"]) return formView(ctx, { ...shown, form: withMoreRows(form) });
  const read = readFields(form, place?.one);
  const body =
    "fields" in read
      ? { problem: { message: "Please correct the marked fields.", fields: read.fields } }
      : readForm(PolicyDefinition, read.value);
  if ("problem" in body) return formView(ctx, { ...shown, problem: body.problem });
  const at = place?.at ?? policy.policies.length;
  const done = await save(ctx, policy, policy.policies.toSpliced(at, 1, body.value as Definition));
  return done ? formView(ctx, { ...shown, ...done }) : { to: partPath(ctx, at), said: "The policy was saved." };
}

/**
 * Replaces the policies. Tokens end only after the reader has confirmed it.
 * @returns what to ask or to correct, or undefined if they are saved
 */
export async function save(
  ctx: IssuerContext,
  policy: AuthPolicy,
  sent: SentDefinitions,
  version = versionIn(ctx),
): Promise<{ problem: Problem; ends?: number } | undefined> {
  const issuer = await getIssuer(ctx, idIn(ctx));
  const checked = await attempt(() => checkDefinitions(ctx, issuer.url, sent), [400, 403]);
  if ("problem" in checked) return checked;
  const ends = ctx.page.form["ends"] === "yes" ? 0 : await endedBy(ctx, issuer, policy.policies, checked.value);
  if (ends > 0) return { problem: unanswered, ends };
  const done = await attempt(() => updateAuthPolicy(ctx, policy.id, { policies: checked.value }, version), [400, 403, 409]);
  return "problem" in done ? done : undefined;
}

/** The number of exchanged tokens that a change of the policies ends. */
const endedBy = async (ctx: IssuerContext, issuer: Issuer, before: Stored[], after: Stored[]): Promise<number> =>
  issuer.endsSessions && allowsLess(before, after) ? countSessions(ctx, issuer.id) : 0;

const TOO_LONG = "This is too long for this page.";

interface Shown {
  form: Form;
  /** The stored policy and its place; undefined for a new one. */
  one?: Definition | undefined;
  at?: number | undefined;
  problem?: Problem;
  ends?: number | undefined;
}

async function formView(ctx: IssuerContext, { form, one, at, problem, ends = 0 }: Shown): Promise<View> {
  const issuer = await getIssuer(ctx, idIn(ctx));
  const here = issuerPath(ctx, "policies", at === undefined ? "new" : String(at + 1));
  const title = at === undefined ? "Add a policy" : `Change policy ${at + 1}`;
  const errors = problem?.fields ?? {};
  return {
    title: `${title} of ${issuer.name}`,
    at: "oidc",
    status: statusOf(problem),
    body: (
      <section class="narrow">
        <h1>{title}</h1>
        {problem && <Notice kind="error">{problem.message}</Notice>}
        {isTooLong(form) ? (
          <Notice kind="warning">{TOO_LONG} Change it with the API.</Notice>
        ) : (
          <form method="post" action={here}>
            <input type="hidden" name="version" value={form["version"]} />
            <PolicyFields form={form} errors={errors} roles={await offeredRoles(ctx, form["roleID"] || one?.roleID)} />
            {ends > 0 && <EndsTokens count={ends} />}
            <p class="actions">
              <button>{at === undefined ? "Add policy" : "Save"}</button>{" "}
              <button class="quiet" name="more" value="yes" formnovalidate>
                More rules
              </button>{" "}
              <a href={issuerPath(ctx)}>Cancel</a>
            </p>
          </form>
        )}
        <p class="faint">
          You can also <a href={issuerPath(ctx, "policies", "json")}>write all policies as JSON</a>.
        </p>
      </section>
    ),
  };
}

async function jsonView(ctx: IssuerContext, form: Form, problem?: Problem, ends = 0): Promise<View> {
  const issuer = await getIssuer(ctx, idIn(ctx));
  const title = "Policies as JSON";
  return {
    title: `${title} of ${issuer.name}`,
    at: "oidc",
    status: statusOf(problem),
    body: (
      <section class="narrow">
        <h1>{title}</h1>
        {problem && <Notice kind="error">{problem.message}</Notice>}
        {isTooLong({ policies: form["policies"] ?? "" }) ? (
          <Notice kind="warning">{TOO_LONG} Change them with the API.</Notice>
        ) : (
          <form method="post" action={issuerPath(ctx, "policies", "json")}>
            <input type="hidden" name="version" value={form["version"]} />
            <Area
              name="policies"
              label="Policies"
              value={form["policies"]}
              rows={24}
              error={problem?.fields["policies"]}
              hint="The list that the API takes and returns."
            />
            {ends > 0 && <EndsTokens count={ends} />}
            <p class="actions">
              <button>Save</button> <a href={issuerPath(ctx)}>Cancel</a>
            </p>
          </form>
        )}
      </section>
    ),
  };
}

async function deletionView(ctx: IssuerContext, problem?: Problem): Promise<View> {
  const { issuer, policy, one, at } = await placeIn(ctx);
  const left = policy.policies.toSpliced(at, 1);
  const ends = await endedBy(ctx, issuer, policy.policies, left);
  const title = `Delete policy ${at + 1}`;
  return {
    title: `${title} of ${issuer.name}`,
    at: "oidc",
    status: statusOf(problem),
    body: (
      <section class="narrow">
        <h1>{title}?</h1>
        {problem && <Notice kind="error">{problem.message}</Notice>}
        <InWords one={one} nameOf={await namesOfRoles(ctx, [one.roleID])} />
        {left.length === 0 ? (
          <>
            <p>It is the only policy, and an identity provider keeps at least one. Change it, or delete the identity provider.</p>
            <a href={issuerPath(ctx)}>Back</a>
          </>
        ) : (
          <>
            {one.decision === "deny" && <p>Tokens that it denies are exchanged if another policy allows them.</p>}
            <p>
              {ends > 0
                ? `${ends} exchanged ${ends === 1 ? "token ends" : "tokens end"} at once. Pipelines that run now lose their access.`
                : "No exchanged token ends."}
            </p>
            <form method="post" action={issuerPath(ctx, "policies", String(at + 1), "delete")}>
              <input type="hidden" name="version" value={String(policy.version)} />
              <button class="danger">Delete</button> <a href={issuerPath(ctx)}>Cancel</a>
            </form>
          </>
        )}
      </section>
    ),
  };
}
