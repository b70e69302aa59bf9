import { AppError } from "../errors.ts";

interface Feature {
  paths: RegExp;
  /** Says to a user of the CLI what is missing. docs/compatibility.md lists the operations under the same sentence. */
  sentence: string;
}

/** Parts of the public API that are not implemented; the first match counts. Their operations get the 404 of an unknown path. */
const absentFeatures: Feature[] = [
  {
    paths: /^\/api\/agents\/signup/,
    sentence: "A coding agent cannot sign up here: set PULUMI_ACCESS_TOKEN to an access token of your organization, or run 'pulumi login'",
  },
  {
    paths: /^\/api\/(esc|preview\/environments)\b/,
    sentence: "Environments (Pulumi ESC) are not supported: a stack keeps its configuration in Pulumi.STACK.yaml, without 'environment:'",
  },
  { paths: /\/(change-gates|change-requests)\b/, sentence: "Approvals and change requests are out of scope" },
  { paths: /polic(y|ies)/, sentence: "Policy packs, policy groups and their results are not supported" },
  {
    paths: /\/(deployments|drift|schedules|agent-pools)\b/,
    sentence: "Deployments, schedules and drift detection are out of scope: they run on machines of the hosted service",
  },
  { paths: /\/(agents|ai|neo)\b/, sentence: "AI agents (Pulumi Neo) are out of scope" },
  {
    paths: /\/(search|insights|insights-scans|services|discovered-resources)\b|\/(resources|secrets)\/summary$/,
    sentence: "Resource search, insights, the service catalogue and usage figures are out of scope",
  },
  {
    paths: /\/(integrations|vcs|github|github-app|gitlab-app|cloudsetup)\b|-emails?$/,
    sentence:
      "Accounts and repositories of other providers cannot be connected: people sign in with access tokens or through single sign-on",
  },
  { paths: /\/saml\/admins\b/, sentence: "There is no single SAML administrator: emergency administrators need no single sign-on" },
  {
    paths: /\/(collaborators|permissions|ownership)\b|\/set-admin$|\/members\/[^/]+\/stacks\b/,
    sentence: "Rights on single stacks cannot be given to people one by one: put them in a team, and give the team the right",
  },
  {
    paths: /\/(registry|templates?|packages)\b/,
    sentence: "Packages and templates of your own cannot be published or kept here",
  },
  { paths: /\/cmk\b/, sentence: "Keys of customers are not supported: the operator keeps the keys (docs/operate.md)" },
  { paths: /^\/api\/projects\//, sentence: "Secrets belong to stacks, not to projects" },
  { paths: /\/(annotations|notifications|workflow)\b|\/cli\/version$/, sentence: "No client that works with this service needs it" },
  {
    paths: /\/checkpoint(verbatim|delta)$/,
    sentence: "Verbatim checkpoints and deltas are not supported: a client that does not journal sends full checkpoints",
  },
  { paths: /\/log-encryption-session\b/, sentence: "Encrypted logs can be shared with Pulumi only, not through this service" },
];

/** Prefixes with names of organizations, projects and stacks. They are removed, because a name may match the list. */
const names = /^\/api\/(console\/)?(stacks\/[^/]+\/[^/]+\/[^/]+|orgs\/[^/]+)/;

/** The sentence about an operation's part of the public API, if that part is not implemented. */
export const absentFeature = (path: string): string | undefined => {
  const operation = path.replace(names, "");
  return absentFeatures.find(({ paths }) => paths.test(operation))?.sentence;
};

/** The 404 of an operation that is not implemented. It names the missing feature and does not depend on the caller. */
export function unknownOperation(method: string, path: string): AppError {
  const feature = absentFeature(path);
  const why = feature ? `: ${feature}. See docs/compatibility.md.` : "";
  return new AppError(404, `Not Found: '${method} ${path.slice(0, 200)}' not found${why}`);
}
