import { isOperator } from "../auth/operator.ts";
import { countFailure } from "../auth/authenticate.ts";
import type { RequestContext } from "../context.ts";
import { AppError, unauthorized } from "../errors.ts";
import { newNameFault, newOrgNameFault } from "../orgs/newName.ts";
import { createWithToken } from "../setup/create.ts";
import { requireOpen } from "../setup/open.ts";
import { deploymentProviders } from "../sso/deployment.ts";
import { depart } from "../sso/flow.ts";
import { type Problem, attempt, statusOf } from "./attempt.ts";
import { Choice, Copyable, Field, Notice } from "./components.tsx";
import { onwards } from "./onwards.tsx";
import { type PageInput, type View, definePage } from "./page.tsx";
import { orgPath } from "./paths.ts";
import { atPublicAddress } from "./publicAddress.ts";

export const SETUP = "/setup";
/** The choice of an administrator with a personal token. Others are ids of providers. */
const TOKEN = "token";
/** Maximum number of characters of a name that a page repeats. */
const MOST_SHOWN = 100;

/** The first run of a deployment: the operator names the organization and its administrator. Once there is an organization, there is no such page. */
export const setupPages = [
  definePage("GET", SETUP, "public", async (ctx) => {
    await requireOpen(ctx);
    const elsewhere = atPublicAddress(ctx.page);
    return elsewhere === undefined ? view(ctx) : ctx.page.hono.redirect(elsewhere, 302);
  }),
  definePage("POST", SETUP, "public", async (ctx) => {
    await requireOpen(ctx);
    const { form, hono } = ctx.page;
    const entered = await attempt(() => requireOperator(ctx, form["operator"] ?? ""), [403, 429]);
    if ("problem" in entered) return view(ctx, entered.problem);
    const { organization = "", login = "", how = TOKEN } = form;
    const provider = deploymentProviders(ctx.env).find(({ id }) => id === how);
    const fields = faultsOf(organization, provider ? undefined : login);
    if (how !== TOKEN && !provider) fields["how"] = "This way is not offered.";
    if (Object.keys(fields).length > 0) return view(ctx, { message: "Please correct the marked fields.", fields });
    if (provider) {
      const to = await depart(ctx, hono, provider, { next: orgPath(organization), setup: organization });
      return onwards(hono, to, {
        title: "Setup",
        heading: `Sign in with ${provider.name}`,
        body: (
          <>
            <a href={to}>Continue to {provider.name}</a>. The person who signs in there becomes the administrator of {organization}.
          </>
        ),
      });
    }
    const made = await attempt(() => createWithToken(ctx, organization, login));
    return "problem" in made ? view(ctx, made.problem) : doneView(organization, login, made.value);
  }),
];

/** @throws 403 for a value that is not the operator's credential, 429 after too many of them */
async function requireOperator(ctx: RequestContext, value: string): Promise<void> {
  if (await isOperator(ctx, value.trim())) return;
  const { status } = await countFailure(ctx, unauthorized("unknown_credential"));
  if (status === 429) throw new AppError(429, "Too many wrong values came from this network. Wait for a minute.");
  throw new AppError(403, "This is not the operator's token of this deployment.");
}

/** The faults of the two names, by form field. @param login undefined if the provider names the administrator */
function faultsOf(organization: string, login: string | undefined): Record<string, string> {
  const ofOrg = newOrgNameFault(organization);
  const ofLogin = login === undefined ? undefined : newNameFault(login);
  const isSame = login?.toLowerCase() === organization.toLowerCase();
  return {
    ...(ofOrg !== undefined && { organization: `The name ${ofOrg}` }),
    ...(ofLogin !== undefined
      ? { login: `The login ${ofLogin}` }
      : isSame && { login: "The login and the name of the organization must differ, because the audit log has both." }),
  };
}

function view({ env, page: { form } }: RequestContext & { page: PageInput }, problem?: Problem): View {
  const shown = (name: string) => (form[name] ?? "").slice(0, MOST_SHOWN);
  const providers = deploymentProviders(env);
  const options: [string, string][] = [
    ...providers.map(({ id, name }): [string, string] => [id, `Sign in with ${name}`]),
    [TOKEN, "A personal access token, which is shown once"],
  ];
  return {
    title: "Setup",
    status: statusOf(problem),
    body: (
      <section class="narrow">
        <h1>Set up this deployment</h1>
        <p>
          Name the first organization, and choose how its administrator signs in. This page exists until there is an organization. The
          command <code>npm run first-admin</code> does the same.
        </p>
        {problem && <Notice kind="error">{problem.message}</Notice>}
        <form method="post" action={SETUP}>
          <Field
            name="operator"
            label="Operator's token"
            type="password"
            required
            autofocus
            hint="The value of the deployment's secret OPERATOR_TOKEN. If the deployment has none, set it first."
          />
          <Field
            name="organization"
            label="Name of the organization"
            required
            maxlength={40}
            value={shown("organization")}
            error={problem?.fields["organization"]}
            hint="3 to 40 letters, digits, - or _. The names of stacks begin with it, and it cannot change."
          />
          <Choice name="how" label="The administrator uses" value={form["how"] ?? options[0]![0]} options={options} />
          {problem?.fields["how"] && <p class="wrong">{problem.fields["how"]}</p>}
          <Field
            name="login"
            label="Login of the administrator"
            maxlength={40}
            value={shown("login")}
            required={providers.length === 0}
            error={problem?.fields["login"]}
            hint={`A short name like ada.${providers.length === 0 ? "" : " Leave it empty for a sign-in through a provider, which knows the name."}`}
          />
          <button>Create the organization</button>
        </form>
      </section>
    ),
  };
}

const doneView = (organization: string, login: string, token: string): View => ({
  title: "Setup",
  body: (
    <section class="narrow">
      <h1>{organization} is ready</h1>
      <Notice kind="warning">Copy the token now. It is shown only once and cannot be retrieved later.</Notice>
      <Copyable label={`Personal access token of ${login}`} text={token} />
      <p>
        {login} is the administrator. <a href={`/signin?next=${encodeURIComponent(orgPath(organization))}`}>Sign in</a> with the token.
      </p>
    </section>
  ),
});
