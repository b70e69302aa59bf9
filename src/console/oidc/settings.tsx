import type * as z from "zod/mini";
import { AppError } from "../../errors.ts";
import { parseJson } from "../../http/json.ts";
import { cut } from "../../http/pageText.ts";
import { deleteIssuer } from "../../oidc/delete.ts";
import type { Issuer } from "../../oidc/openapi.ts";
import { LONGEST, UpdateIssuerRequest } from "../../oidc/schema.ts";
import { countSessions } from "../../oidc/sessions.ts";
import { refreshIssuer, updateEndsSessions, updateIssuer } from "../../oidc/update.ts";
import { type Problem, attempt, readForm, statusOf } from "../attempt.ts";
import { Area, Field, Notice } from "../components.tsx";
import { type View, definePage } from "../page.tsx";
import { placePath } from "../paths.ts";
import { EndsTokens, ISSUER_PAGE, type IssuerContext, idIn, issuerFor, issuerPath, issuerView, unanswered } from "./frame.tsx";
import { isTooLong } from "./policyFields.tsx";

type Form = Record<string, string>;
const SETTINGS = `${ISSUER_PAGE}/settings` as const;

export const issuerSettingsPages = [
  definePage("GET", SETTINGS, "oidc_issuers:update", async (ctx) => {
    const issuer = await issuerFor(ctx);
    return view(ctx, issuer, current(issuer));
  }),
  definePage("POST", SETTINGS, "oidc_issuers:update", async (ctx) => {
    const issuer = await issuerFor(ctx);
    const { form } = ctx.page;
    if (isTooLong(form)) throw new AppError(413, "This is too long for this page. Send it with the API.");
    const read = await keysIn(form);
    const body = "problem" in read ? read : readForm(UpdateIssuerRequest, { ...bodyOf(form), jwks: read.jwks });
    const done: Awaited<ReturnType<typeof save>> = "problem" in body ? body : await save(ctx, issuer, body.value);
    return done ? view(ctx, issuer, form, done.problem, done.ends) : { to: issuerPath(ctx), said: "The settings were saved." };
  }),
  definePage("POST", `${SETTINGS}/keys`, "oidc_issuers:update", async (ctx) => {
    const issuer = await issuerFor(ctx);
    const done = await attempt(() => refreshIssuer(ctx, issuer.id));
    return "problem" in done
      ? view(ctx, issuer, current(issuer), done.problem)
      : { to: issuerPath(ctx, "settings"), said: "The keys were read again." };
  }),

  definePage("GET", `${ISSUER_PAGE}/delete`, "oidc_issuers:delete", (ctx) => deletionView(ctx)),
  definePage("POST", `${ISSUER_PAGE}/delete`, "oidc_issuers:delete", async (ctx) => {
    const { name } = await issuerFor(ctx);
    if (inOneLine(ctx.page.form["confirmation"]) !== inOneLine(name))
      return deletionView(ctx, { message: "Nothing was deleted.", fields: { confirmation: "This is not the name." } });
    await deleteIssuer(ctx, idIn(ctx));
    return { to: placePath(ctx.org.name, "oidc"), said: `The identity provider ${name} was deleted.` };
  }),
];

/** A name may contain line breaks, which nobody can type into the field. */
const inOneLine = (text = "") => text.trim().replaceAll(/\s+/g, " ");

/** @returns what to ask or to correct, or undefined if it is saved */
async function save(
  ctx: IssuerContext,
  { id }: Issuer,
  body: z.infer<typeof UpdateIssuerRequest>,
): Promise<{ problem: Problem; ends?: number } | undefined> {
  const narrows = await attempt(() => updateEndsSessions(ctx, id, body));
  if ("problem" in narrows) return narrows;
  const ends = narrows.value && ctx.page.form["ends"] !== "yes" ? await countSessions(ctx, id) : 0;
  if (ends > 0) return { problem: unanswered, ends };
  const done = await attempt(() => updateIssuer(ctx, id, body));
  return "problem" in done ? done : undefined;
}

const words = (text: string | undefined) => (text ?? "").split(/\s+/).filter(Boolean);

/** Members of the API's requests that are the same for a new issuer. */
export const bodyOf = (form: Form) => ({
  name: form["name"],
  maxExpiration: form["maxExpiration"]?.trim() ? Number(form["maxExpiration"]) : undefined,
  audiences: words(form["audiences"]),
  thumbprints: words(form["thumbprints"]),
  singleUse: form["singleUse"] === "yes",
  endsSessions: form["endsSessions"] === "yes",
});

/** The keys as they were typed. An empty field leaves them as they are. */
export async function keysIn(form: Form): Promise<{ jwks: unknown } | { problem: Problem }> {
  const typed = (form["jwks"] ?? "").trim();
  if (typed === "") return { jwks: undefined };
  const parsed = await attempt(async () => parseJson(typed), [400, 413]);
  if ("problem" in parsed)
    return { problem: { message: "Please correct the marked fields.", fields: { jwks: `${parsed.problem.message}.` } } };
  return { jwks: parsed.value };
}

const current = (issuer: Issuer): Form => ({
  name: issuer.name,
  maxExpiration: String(issuer.maxExpiration),
  audiences: issuer.audiences.join("\n"),
  thumbprints: (issuer.thumbprints ?? []).join("\n"),
  singleUse: issuer.singleUse ? "yes" : "",
  endsSessions: issuer.endsSessions ? "yes" : "",
});

interface FieldsProps {
  form: Form;
  errors: Form;
}

export const NameField = ({ form, errors }: FieldsProps) => (
  <Field
    name="name"
    label="Name"
    value={form["name"]}
    error={errors["name"]}
    required
    maxlength={100}
    hint="The audit log names exchanged tokens with it, such as github:acme/shop@main."
  />
);

export const KeysField = ({ form, errors, hint }: FieldsProps & { hint: string }) => (
  <Area name="jwks" label="Keys" value={form["jwks"]} rows={4} error={errors["jwks"]} hint={hint} />
);

/** The settings that an issuer may have from its creation on. */
export const LimitFields = ({ form, errors }: FieldsProps) => (
  <>
    <Field
      name="maxExpiration"
      label="Longest lifetime (seconds)"
      value={form["maxExpiration"]}
      error={errors["maxExpiration"]}
      type="number"
      hint={`For an exchanged token, at most ${LONGEST}, which are 7 days. 90000 seconds are 25 hours.`}
    />
    <Area
      name="audiences"
      label="Further audiences"
      value={form["audiences"]}
      rows={2}
      error={errors["audiences"]}
      hint="Accepted values of aud, one a line. Another service that receives tokens with this audience can use them here."
    />
    <Area
      name="thumbprints"
      label="Thumbprints"
      value={form["thumbprints"]}
      rows={2}
      error={errors["thumbprints"]}
      hint="SHA-256, one a line. They are stored for tools that expect them, and are not checked."
    />
    <div class="field">
      <label class="plain option">
        <input type="checkbox" name="singleUse" value="yes" checked={form["singleUse"] === "yes"} /> Exchange each token only once
      </label>
      <label class="plain option">
        <input type="checkbox" name="endsSessions" value="yes" checked={form["endsSessions"] === "yes"} /> End the exchanged tokens when the
        identity provider is deleted or allows less
      </label>
    </div>
  </>
);

function view(ctx: IssuerContext, issuer: Issuer, form: Form, problem?: Problem, ends = 0): View {
  const errors = problem?.fields ?? {};
  const isPublished = issuer.jwks === undefined;
  return issuerView({
    ctx,
    issuer,
    at: "settings",
    title: "Settings",
    problem,
    children: (
      <div class="narrow">
        <form method="post" action={issuerPath(ctx, "settings")}>
          <NameField form={form} errors={errors} />
          <LimitFields form={form} errors={errors} />
          <KeysField
            form={form}
            errors={errors}
            hint={
              isPublished
                ? "The issuer publishes its keys. Paste a key set as JSON to use that one instead."
                : `${issuer.jwks!.keys.length} registered: ${cut(issuer.jwks!.keys.map(({ kid, kty }) => kid ?? kty).join(", "), 600)}. Paste a key set as JSON to replace them.`
            }
          />
          {ends > 0 && <EndsTokens count={ends} />}
          <p>
            <button>Save</button>
          </p>
        </form>
        {isPublished && (
          <form method="post" action={issuerPath(ctx, "settings", "keys")}>
            <h2>Keys</h2>
            <p class="faint">They are read again by themselves when they are an hour old, or when a key is unknown.</p>
            <button class="quiet">Read the keys again</button>
          </form>
        )}
        {ctx.page.may("oidc_issuers:delete") && (
          <>
            <h2>Delete</h2>
            <a class="button danger" href={issuerPath(ctx, "delete")}>
              Delete…
            </a>
          </>
        )}
      </div>
    ),
  });
}

async function deletionView(ctx: IssuerContext, problem?: Problem): Promise<View> {
  const issuer = await issuerFor(ctx);
  const count = await countSessions(ctx, issuer.id);
  const tokens = `${count} exchanged ${count === 1 ? "token" : "tokens"}`;
  return {
    title: `Delete ${issuer.name}`,
    at: "oidc",
    status: statusOf(problem),
    body: (
      <section class="narrow">
        <h1>Delete {issuer.name}?</h1>
        {problem && <Notice kind="error">{problem.message}</Notice>}
        <p>This takes effect immediately and cannot be undone:</p>
        <ul>
          <li>No token of {issuer.url} is exchanged any more.</li>
          <li>Its policies are deleted.</li>
          <li>
            {count === 0
              ? "No exchanged token is valid now."
              : issuer.endsSessions
                ? `${tokens} ${count === 1 ? "ends" : "end"} at once, with ${count === 1 ? "its" : "their"} running updates as the settings of the organization say.`
                : `${tokens} ${count === 1 ? "stays" : "stay"} valid until ${count === 1 ? "it expires" : "they expire"}. End ${count === 1 ? "it" : "them"} before, on the page Sessions.`}
          </li>
        </ul>
        <form method="post" action={issuerPath(ctx, "delete")}>
          <Field name="confirmation" label={`Type ${issuer.name} to confirm`} error={problem?.fields["confirmation"]} required autofocus />
          <button class="danger">Delete</button> <a href={issuerPath(ctx, "settings")}>Cancel</a>
        </form>
      </section>
    ),
  };
}
