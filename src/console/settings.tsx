import type { Child } from "hono/jsx";
import type { OrgContext } from "../context.ts";
import { badRequest } from "../errors.ts";
import { getOrganizationMetadata } from "../orgs/metadata.ts";
import { UpdateOrganizationRequest, updateOrganizationSettings } from "../orgs/settings.ts";
import { type RefusedByPolicy, tokensRefusedByPolicy } from "../tokens/refusedByPolicy.ts";
import { type Problem, answering, attempt, readForm } from "./attempt.ts";
import { Choice, Field, Notice, Time } from "./components.tsx";
import { type PageInput, type View, definePage } from "./page.tsx";
import { placePath } from "./paths.ts";
import { Loss } from "./loss.tsx";
import { streamWarning } from "./streams/warning.tsx";

const HERE = "/:orgName/~/settings" as const;
type Context = OrgContext & { page: PageInput };
type Metadata = Awaited<ReturnType<typeof getOrganizationMetadata>>;

/** Each section is a form of its own. */
const sections = ["tokens", "networks", "stacks", "audit"] as const;
type Section = (typeof sections)[number];

export const settingsPages = [
  definePage("GET", HERE, "organization:read", async (ctx) => view(ctx, await refusedAgain(ctx))),
  definePage("POST", HERE, "organization:update", async (ctx) => {
    const { form } = ctx.page;
    const section = sections.find((one) => one === form["section"]);
    if (!section) throw badRequest("this form has no such section");
    const body = readForm(UpdateOrganizationRequest, bodyOf(section, form));
    if ("value" in body && form["shutOut"] !== "yes") {
      const refusedByPolicy = await lossOf(ctx, body.value.setMaxAccessTokenExpiryDays ?? 0);
      if (refusedByPolicy) return view(ctx, refusedByPolicy, UNSAVED);
    }
    const done = "problem" in body ? body : await attempt(() => updateOrganizationSettings(ctx, body.value));
    return "problem" in done
      ? view(ctx, undefined, done.problem)
      : { to: placePath(ctx.org.name, "settings"), said: `The settings of the section ${titles[section]} were saved.` };
  }),
];

const titles: Record<Section, string> = { tokens: "Tokens", networks: "Networks", stacks: "Stacks", audit: "Audit log" };

const UNSAVED: Problem = { message: "Nothing has been saved yet.", fields: {}, status: 409 };

/** The tokens that the form would refuse, when the page shows a form again that was not confirmed. */
async function refusedAgain({ page, ...ctx }: Context): Promise<RefusedByPolicy | undefined> {
  if (page.problem?.status !== UNSAVED.status) return undefined;
  const days = Number(page.form["setMaxAccessTokenExpiryDays"] ?? 0);
  return Number.isSafeInteger(days) && days > 0 ? lossOf({ ...ctx, page }, days) : undefined;
}

/** Maximum number of names of tokens in a warning. */
const NAMED = 10;

/** The valid tokens that a shorter maximum would refuse; undefined for none. */
async function lossOf(ctx: Context, days: number): Promise<RefusedByPolicy | undefined> {
  if (days === 0) return undefined;
  const found = await tokensRefusedByPolicy(ctx, days, NAMED);
  return found.machines + found.personal > 0 || found.caller ? found : undefined;
}

/** The members of the API's request for one section. An empty number is 0, which clears the setting; browsers do not send unchecked boxes. */
function bodyOf(section: Section, form: Record<string, string>) {
  const words = (name: string) => (form[name] ?? "").split(/[\s,]+/).filter(Boolean);
  const numbers = (fields: readonly NumberField[]) => Object.fromEntries(fields.map(([name]) => [name, Number(form[name] ?? 0)]));
  switch (section) {
    case "tokens":
      return {
        ...numbers(days.tokens),
        setInFlightRevocation: form["setInFlightRevocation"],
        setMaxDrainHours: form["setMaxDrainHours"] === undefined ? undefined : Number(form["setMaxDrainHours"]),
        force: form["shutOut"] === "yes",
      };
    case "networks":
      return { setAllowedCidrs: words("setAllowedCidrs"), setAllowedCountries: words("setAllowedCountries") };
    case "stacks":
      return {
        setDefaultStackPermission: Number(form["setDefaultStackPermission"]),
        ...Object.fromEntries(toggles.map(([name]) => [name, form[name] === "yes"])),
      };
    case "audit":
      return numbers(days.audit);
  }
}

const toggles = [
  ["setMembersCanCreateStacks", "Members may create stacks"],
  ["setMembersCanDeleteStacks", "Members may delete stacks"],
  ["setMembersCanTransferStacks", "Members may transfer stacks"],
] as const;

/** The boxes of the section that was sent: browsers do not send those that are not checked. */
const unchecked = ({ section }: Record<string, string>): Record<string, string> =>
  section === "stacks" ? Object.fromEntries(toggles.map(([name]) => [name, ""])) : {};

type NumberField = readonly [name: string, label: string, hint: string];

const days: Record<"tokens" | "audit", readonly NumberField[]> = {
  tokens: [
    [
      "setMaxAccessTokenExpiryDays",
      "Maximum token lifetime (days)",
      "It applies to organization, team and personal tokens. Leave empty for no limit. Tokens with more time left than this stop working.",
    ],
    ["setDisableUnusedTokensAfterDays", "Disable unused tokens after (days)", "Organization and team tokens. Leave empty to disable none."],
  ],
  audit: [
    [
      "setAuditRetentionDays",
      "Keep audit records in the database for (days)",
      "Leave empty to keep them forever. Older records move to the archive.",
    ],
  ],
};

const current = (now: Metadata): Record<string, string> => ({
  setDefaultStackPermission: String(now.defaultStackPermission),
  setMembersCanCreateStacks: now.membersCanCreateStacks ? "yes" : "",
  setMembersCanDeleteStacks: now.membersCanDeleteStacks ? "yes" : "",
  setMembersCanTransferStacks: now.membersCanTransferStacks ? "yes" : "",
  setMaxAccessTokenExpiryDays: String(now.maxAccessTokenExpiryDays ?? ""),
  setDisableUnusedTokensAfterDays: String(now.disableUnusedTokensAfterDays ?? ""),
  setAuditRetentionDays: String(now.auditRetentionDays ?? ""),
  setInFlightRevocation: now.inFlightRevocation,
  setMaxDrainHours: String(now.maxDrainHours),
  setAllowedCidrs: now.allowedCidrs.join(" "),
  setAllowedCountries: now.allowedCountries.join(" "),
});

async function view(ctx: Context, refusedByPolicy: RefusedByPolicy | undefined, problem = ctx.page.problem): Promise<View> {
  const now = await getOrganizationMetadata(ctx);
  const warning = await streamWarning(ctx);
  return {
    title: "Settings",
    at: "settings",
    ...answering(problem),
    body: (
      <section class="narrow">
        <h1>Settings</h1>
        {warning}
        <dl>
          {now.subscriptionTrialEnd !== undefined && (
            <>
              <dt>Edition</dt>
              <dd>{now.product}</dd>
              <dt>{now.subscriptionStatus === "trialing" ? "Trial ends" : "Trial ended"}</dt>
              <dd>
                <Time at={now.subscriptionTrialEnd * 1000} exact />
              </dd>
            </>
          )}
          <dt>Members</dt>
          <dd>{now.memberCount}</dd>
          <dt>Stacks</dt>
          <dd>{now.stackCount}</dd>
        </dl>
        {ctx.page.may("organization:update") && (
          <p>
            <a href={placePath(ctx.org.name, "numbers")}>Usage</a>
            {ctx.page.may("organization:set_access") && (
              <>
                {" · "}
                <a href={placePath(ctx.org.name, "sso")}>Single sign-on</a>
              </>
            )}
            {ctx.page.may("org_token:read") && (
              <>
                {" · "}
                <a href={placePath(ctx.org.name, "scim")}>SCIM</a>
              </>
            )}
            {ctx.page.may("organization_webhook:read") && (
              <>
                {" · "}
                <a href={placePath(ctx.org.name, "webhooks")}>Webhooks</a>
              </>
            )}
            {ctx.page.may("audit_streams:read") && (
              <>
                {" · "}
                <a href={placePath(ctx.org.name, "streams")}>Audit streams</a>
              </>
            )}
          </p>
        )}
        {problem && <Notice kind="error">{problem.message}</Notice>}
        {ctx.page.may("organization:update") ? (
          <Forms
            form={{ ...current(now), ...(problem && { ...unchecked(ctx.page.form), ...ctx.page.form }) }}
            errors={problem?.fields ?? {}}
            refusedByPolicy={refusedByPolicy}
          />
        ) : (
          <p class="faint">Only administrators can change the settings of {ctx.org.name}.</p>
        )}
      </section>
    ),
  };
}

interface FormProps {
  form: Record<string, string>;
  errors: Record<string, string>;
  refusedByPolicy: RefusedByPolicy | undefined;
}

const Forms = ({ form, errors, refusedByPolicy }: FormProps) => {
  const numbers = (fields: readonly NumberField[]) =>
    fields.map(([name, label, hint]) => (
      <Field name={name} label={label} hint={hint} value={form[name]} error={errors[name]} type="number" />
    ));
  return (
    <>
      <SectionForm section="tokens">
        {refusedByPolicy && <Loss refusedByPolicy={refusedByPolicy} days={form["setMaxAccessTokenExpiryDays"] ?? ""} />}
        {numbers(days.tokens)}
        <Choice
          name="setInFlightRevocation"
          label="If a token is revoked during an update"
          value={form["setInFlightRevocation"] ?? "drain"}
          options={[
            ["drain", "Let the update finish"],
            ["abort", "Cancel the update"],
          ]}
        />
        <Field
          name="setMaxDrainHours"
          label="Time to finish (hours)"
          value={form["setMaxDrainHours"]}
          error={errors["setMaxDrainHours"]}
          type="number"
          hint="After this time the update is canceled. The update of a leaked token is canceled immediately."
        />
      </SectionForm>
      <SectionForm section="networks">
        <Field
          name="setAllowedCidrs"
          label="Allowed networks"
          value={form["setAllowedCidrs"]}
          error={errors["setAllowedCidrs"]}
          placeholder="192.0.2.0/24 2001:db8::/32"
          hint="Separated by spaces. Leave empty to allow all networks."
        />
        <Field
          name="setAllowedCountries"
          label="Allowed countries"
          value={form["setAllowedCountries"]}
          error={errors["setAllowedCountries"]}
          placeholder="DE AT"
          hint="Two letters each. Leave empty to allow all countries."
        />
      </SectionForm>
      <SectionForm section="stacks">
        <Choice
          name="setDefaultStackPermission"
          label="Members' permission on every stack"
          value={form["setDefaultStackPermission"] ?? "103"}
          options={[
            ["0", "nothing"],
            ["101", "read"],
            ["102", "read and write"],
            ["103", "Admin: read, write and delete"],
          ]}
        />
        {toggles.map(([name, label]) => (
          <label class="plain option">
            <input type="checkbox" name={name} value="yes" checked={form[name] === "yes"} /> {label}
          </label>
        ))}
      </SectionForm>
      <SectionForm section="audit">{numbers(days.audit)}</SectionForm>
    </>
  );
};

const SectionForm = ({ section, children }: { section: Section; children: Child }) => (
  <form method="post" class="section" aria-labelledby={`section-${section}`}>
    <h2 id={`section-${section}`}>{titles[section]}</h2>
    <input type="hidden" name="section" value={section} />
    {children}
    <p>
      <button aria-label={`Save ${titles[section]}`}>Save</button>
    </p>
  </form>
);
