import type * as z from "zod/mini";
import { AppError, notFound } from "../../errors.ts";
import { requireRight } from "../../auth/right.ts";
import { getAuthPolicy } from "../../oidc/authPolicy.ts";
import { getIssuer, listIssuers } from "../../oidc/issuer.ts";
import type { AuthPolicy } from "../../oidc/openapi.ts";
import { type PresetKind, madeBy, presetKinds } from "../../oidc/presets.ts";
import { registerIssuer } from "../../oidc/register.ts";
import { Preset, RegisterIssuerRequest } from "../../oidc/schema.ts";
import { type Problem, attempt, readForm, statusOf } from "../attempt.ts";
import { Copyable, Field, Notice } from "../components.tsx";
import { type Done, type View, definePage } from "../page.tsx";
import { placePath } from "../paths.ts";
import { EndsTokens, type IssuerContext, LIST } from "./frame.tsx";
import { Warnings } from "./policyInWords.tsx";
import { save } from "./policy.tsx";
import { RoleField, StacksField, isTooLong, stacksIn } from "./policyFields.tsx";
import { presetForms } from "./presetFields.ts";
import { offeredRoles } from "./roleNames.ts";
import { KeysField, LimitFields, NameField, bodyOf, keysIn } from "./settings.tsx";

type Form = Record<string, string>;
const NEW = `${LIST}/new` as const;
const permission = "oidc_issuers:create";

/** A provider that has no preset. */
const OTHER = "other";

export const issuerCreatePages = [
  definePage("GET", NEW, permission, async (ctx) => choiceView(ctx)),
  definePage("GET", `${NEW}/:kind`, permission, async (ctx) => {
    const kind = kindIn(ctx);
    const form: Form = kind === OTHER ? { endsSessions: "yes" } : { name: presetForms[kind].name };
    return formView(ctx, kind, { form });
  }),
  definePage("POST", `${NEW}/:kind`, permission, async (ctx) => {
    const { form } = ctx.page;
    const kind = kindIn(ctx);
    if (isTooLong(form)) throw new AppError(413, "This is too long for this page. Send it with the API.");
    return kind === OTHER ? registerOther(ctx) : registerPreset(ctx, kind);
  }),
];

/** @throws 404 */
function kindIn({ page }: IssuerContext): PresetKind | typeof OTHER {
  const kind = [...presetKinds, OTHER].find((one) => one === page.params["kind"]);
  if (!kind) throw notFound("Preset");
  return kind as PresetKind | typeof OTHER;
}

async function registerOther(ctx: IssuerContext): Promise<Done> {
  const { form, url } = ctx.page;
  const keys = await keysIn(form);
  const body = "problem" in keys ? keys : readForm(RegisterIssuerRequest, { ...bodyOf(form), url: form["url"]?.trim(), jwks: keys.jwks });
  const made = "problem" in body ? body : await attempt(() => registerIssuer(ctx, body.value, url.origin));
  return "problem" in made
    ? formView(ctx, OTHER, { form, problem: made.problem })
    : { to: placePath(ctx.org.name, "oidc", made.value.id), said: "The identity provider was added." };
}

type PresetFields = z.infer<typeof Preset>;

/** A preset adds an issuer, or its policies to an issuer that the organization has. Either way the answer has the file for the pipeline. */
async function registerPreset(ctx: IssuerContext, kind: PresetKind): Promise<Done> {
  const { form, url } = ctx.page;
  const keys = await keysIn(form);
  const stacks = stacksIn(form["stacks"]);
  if (stacks === undefined)
    return formView(ctx, kind, {
      form,
      problem: { message: "Please correct the marked fields.", fields: { stacks: "Write each pattern as PROJECT/STACK." } },
    });
  const isRequired = (name: string) => name === "owner" || name === "repository";
  const typed = Object.fromEntries(presetMembers.map((name) => [name, (form[name] ?? "").trim() || (isRequired(name) ? "" : undefined)]));
  const preset = readForm(Preset, { kind, ...typed, stacks });
  if ("problem" in keys || "problem" in preset)
    return formView(ctx, kind, { form, problem: "problem" in keys ? keys.problem : (preset as { problem: Problem }).problem });
  if (form["to"]) return addTo(ctx, kind, form["to"], preset.value);
  const body = readForm(RegisterIssuerRequest, { name: form["name"], jwks: keys.jwks, preset: preset.value });
  if ("problem" in body) return formView(ctx, kind, { form, problem: body.problem });
  const made = await attempt(() => registerIssuer(ctx, body.value, url.origin));
  if ("problem" in made) {
    const existing = made.problem.status === 409 ? await existingFor(ctx, preset.value) : undefined;
    return formView(ctx, kind, { form, problem: made.problem, existing });
  }
  const { id, name, policy, pipeline } = made.value;
  return madeView(ctx, { id, name, pipeline: pipeline ?? "", policy, first: 0 });
}

const presetMembers = ["url", "owner", "repository", "branch", "environment", "ownerId", "repositoryId", "roleID", "teamName"] as const;

/** The issuer that the organization has already. */
async function existingFor(ctx: IssuerContext, preset: PresetFields) {
  const { url } = madeBy(preset, ctx.org.name, ctx.page.url.origin);
  const { oidcIssuers } = await listIssuers(ctx);
  return oidcIssuers.find((issuer) => issuer.url === url);
}

async function addTo(ctx: IssuerContext, kind: PresetKind, issuerId: string, preset: PresetFields): Promise<Done> {
  const { form, url } = ctx.page;
  await requireRight(ctx, "auth_policies:update");
  const issuer = await getIssuer(ctx, issuerId);
  const before = await getAuthPolicy(ctx, issuerId);
  const made = await attempt(async () => madeBy(preset, ctx.org.name, url.origin));
  if ("problem" in made) return formView(ctx, kind, { form, problem: made.problem });
  if (made.value.url !== issuer.url) throw new AppError(400, "The preset is for another identity provider.");
  const has = new Set(before.policies.map((one) => JSON.stringify(one)));
  const added = made.value.policies.filter((one) => !has.has(JSON.stringify(one)));
  ctx.page.params["issuerId"] = issuerId;
  const refused = await save(ctx, before, [...before.policies, ...added], before.version);
  if (refused) return formView(ctx, kind, { form, existing: issuer, ...refused });
  const policy = await getAuthPolicy(ctx, issuerId);
  return madeView(ctx, { id: issuerId, name: issuer.name, pipeline: made.value.pipeline, policy, first: before.policies.length });
}

function choiceView({ org }: IssuerContext): View {
  return {
    title: "Add an identity provider",
    at: "oidc",
    body: (
      <section class="narrow">
        <h1>Add an identity provider</h1>
        <p>Where do your pipelines run?</p>
        <ul class="cards">
          {presetKinds.map((kind) => (
            <li>
              <a href={placePath(org.name, "oidc", "new", kind)}>{presetForms[kind].title}</a>
            </li>
          ))}
          <li>
            <a href={placePath(org.name, "oidc", "new", OTHER)}>Somewhere else</a>
          </li>
        </ul>
        <p class="faint">
          For these there is a strict policy, which admits one repository on one branch or in one environment, and a file for the pipeline.
          Elsewhere you write the policy yourself.
        </p>
      </section>
    ),
  };
}

interface Shown {
  form: Form;
  problem?: Problem;
  /** The organization has the issuer of the preset. */
  existing?: { id: string; name: string } | undefined;
  ends?: number | undefined;
}

const keysHint = {
  needed: "The key set as JSON. kubectl get --raw /openid/v1/jwks prints it.",
  other: "Leave empty if this server can read the issuer's keys by its address. Otherwise paste the key set as JSON.",
};

async function formView(ctx: IssuerContext, kind: PresetKind | typeof OTHER, { form, problem, existing, ends = 0 }: Shown): Promise<View> {
  const title = kind === OTHER ? "Add an identity provider" : `Add ${presetForms[kind].title}`;
  const errors = problem?.fields ?? {};
  return {
    title,
    at: "oidc",
    status: statusOf(problem),
    body: (
      <section class="narrow">
        <h1>{title}</h1>
        {problem && <Notice kind="error">{problem.message}</Notice>}
        <form method="post" action={placePath(ctx.org.name, "oidc", "new", kind)}>
          {kind === OTHER ? (
            <>
              <NameField form={form} errors={errors} />
              <Field
                name="url"
                label="Issuer"
                value={form["url"]}
                error={errors["url"]}
                required
                maxlength={500}
                placeholder="https://ci.example.com"
                hint="Exactly the iss of its tokens, including the last slash. It cannot be changed later."
              />
              <LimitFields form={form} errors={errors} />
              <KeysField form={form} errors={errors} hint={keysHint.other} />
            </>
          ) : (
            <PresetFieldset kind={kind} form={form} errors={errors} roles={await offeredRoles(ctx, form["roleID"])} />
          )}
          {ends > 0 && <EndsTokens count={ends} />}
          <p class="actions">
            {existing ? (
              <button name="to" value={existing.id}>
                Add its policies to {existing.name}
              </button>
            ) : (
              <button>Add</button>
            )}{" "}
            <a href={placePath(ctx.org.name, "oidc", "new")}>Cancel</a>
          </p>
        </form>
      </section>
    ),
  };
}

interface PresetProps {
  kind: PresetKind;
  form: Form;
  errors: Form;
  roles: Awaited<ReturnType<typeof offeredRoles>>;
}

const PresetFieldset = ({ kind, form, errors, roles }: PresetProps) => {
  const asked = presetForms[kind];
  const isEither = asked.branch !== undefined && asked.environment !== undefined;
  const hints: Form = {
    ...asked.hints,
    ...(isEither && { environment: "Enter a branch, an environment, or both. If you enter both, both must match." }),
  };
  const Text = ({ name, required = false }: { name: (typeof presetMembers)[number]; required?: boolean }) => {
    const label = asked[name as keyof typeof asked];
    return typeof label === "string" ? (
      <Field name={name} label={label} value={form[name]} error={errors[name]} hint={hints[name]} maxlength={200} required={required} />
    ) : (
      <></>
    );
  };
  const isLimited = ["teamName", "roleID", "stacks"].some((name) => form[name]);
  return (
    <>
      {asked.needsUrl && <Text name="url" required />}
      <Text name="owner" required />
      <Text name="repository" required />
      <Text name="branch" />
      <Text name="environment" />
      <Text name="ownerId" />
      <Text name="repositoryId" />
      {asked.needsKeys && <KeysField form={form} errors={errors} hint={keysHint.needed} />}
      <NameField form={form} errors={errors} />
      <details open={isLimited}>
        <summary>Limit the tokens</summary>
        <StacksField form={form} errors={errors} />
        <RoleField form={form} roles={roles} />
        <Field
          name="teamName"
          label="Team"
          value={form["teamName"]}
          error={errors["teamName"]}
          maxlength={200}
          hint="The exchanged tokens are then tokens of this team."
        />
      </details>
      {!asked.needsKeys && (
        <details open={Boolean(form["jwks"] || (form["url"] && !asked.needsUrl))}>
          <summary>Your own server</summary>
          {!asked.needsUrl && <Text name="url" />}
          <KeysField form={form} errors={errors} hint={keysHint.other} />
        </details>
      )}
    </>
  );
};

interface Made {
  id: string;
  name: string;
  pipeline: string;
  policy: AuthPolicy | undefined;
  /** Place of the first policy that was added. */
  first: number;
}

/** The page after a preset. It is the answer to the form, because nothing stores the file. */
function madeView({ org }: IssuerContext, { id, name, pipeline, policy, first }: Made): View {
  const added = policy?.policies.slice(first) ?? [];
  return {
    title: `${name} was added`,
    at: "oidc",
    body: (
      <section class="narrow">
        <h1>{name} is ready</h1>
        {policy && added.map((_, i) => <Warnings policy={policy} at={first + i} />)}
        <p>Put this into the file of your pipeline, and replace PROJECT/STACK. Copy it now: the page shows it once.</p>
        <Copyable label="Pipeline" text={pipeline} />
        <p class="actions">
          <a class="button" href={placePath(org.name, "oidc", id)}>
            See its policies
          </a>{" "}
          <a href={placePath(org.name, "oidc", id, "test")}>Try it with claims</a>
        </p>
      </section>
    ),
  };
}
