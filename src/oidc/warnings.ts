import { hasWildcard } from "./pattern.ts";
import type { PolicyDefinition } from "./table.ts";

export interface Warning {
  policy: number;
  message: string;
}

/** A host whose tokens belong to many customers, and the claims that name the owner of the pipeline. */
interface SharedIssuer {
  host: string;
  /** Claims whose exact value names the owner. */
  owner: string[];
  /** Claims whose pattern names the owner if it matches this expression. */
  prefixed: Record<string, RegExp>;
}

const ownerAndRest = /^[^*?/]+\/./;
const sharedIssuers: SharedIssuer[] = [
  {
    host: "token.actions.githubusercontent.com",
    owner: ["repository_owner", "repository_owner_id", "repository_id", "enterprise", "enterprise_id"],
    prefixed: { repository: ownerAndRest, sub: /^repo:[^*?/]+\/./, workflow_ref: ownerAndRest },
  },
  {
    host: "gitlab.com",
    owner: ["namespace_id", "namespace_path", "project_id"],
    prefixed: { project_path: ownerAndRest, sub: /^project_path:[^*?/]+\/./ },
  },
  {
    host: "agent.buildkite.com",
    owner: ["organization_id", "organization_slug"],
    prefixed: { sub: /^organization:[^*?:]+:/ },
  },
  {
    host: "app.terraform.io",
    owner: ["terraform_organization_id", "terraform_organization_name", "terraform_workspace_id"],
    prefixed: { sub: /^organization:[^*?:]+:/ },
  },
  { host: "accounts.google.com", owner: ["sub", "email", "azp"], prefixed: {} },
  { host: "api.pulumi.com", owner: ["https://pulumi.com/org_id"], prefixed: { sub: /^pulumi:[^*?]*org:[^*?:]+:/ } },
];

const sharedBy = (url: string) => sharedIssuers.find(({ host }) => URL.canParse(url) && new URL(url).hostname === host);

const unquoted = (claim: string) => (/^"[^"]+"$/.test(claim) ? claim.slice(1, -1) : claim);

/**
 * Why a policy cannot be saved: at an issuer that many customers share, a definition that allows without naming the owner admits them all.
 * Pure.
 */
export function policyFault(url: string, policies: PolicyDefinition[]): string | undefined {
  const shared = sharedBy(url);
  if (!shared) return undefined;
  const place = policies.findIndex((one) => one.decision === "allow" && !namesOwner(one, shared));
  if (place < 0) return undefined;
  const claims = [...shared.owner, ...Object.keys(shared.prefixed)].map((claim) => `\`${claim}\``).join(", ");
  return `policy ${place + 1} allows every customer of ${shared.host}: add a rule without wildcards for the owner, on one of ${claims}`;
}

const namesOwner = ({ rules }: PolicyDefinition, { owner, prefixed }: SharedIssuer) =>
  Object.entries(rules).some(
    ([claim, pattern]) => (owner.includes(unquoted(claim)) && pattern !== "" && !hasWildcard(pattern)) || prefixed[claim]?.test(pattern),
  );

/** The claim of CircleCI for the address of the code, such as github.com/acme/shop. */
const ORIGIN = '"oidc.circleci.com/vcs-origin"';

/** Definitions that admit more than they seem to, each with the attack in a sentence. Pure. */
export const warningsOf = (url: string, policies: PolicyDefinition[]): Warning[] =>
  policies.flatMap((one, policy) => (one.decision === "allow" ? faultsOf(url, one, policies).map((message) => ({ policy, message })) : []));

function faultsOf(url: string, { rules, authorizedPermissions }: PolicyDefinition, all: PolicyDefinition[]): string[] {
  const claims = Object.keys(rules);
  const has = (...names: string[]) => names.some((claim) => claims.includes(claim));
  const isGitHub =
    has("repository", "repository_id", "job_workflow_ref", "workflow_ref") || new URL(url).hostname.endsWith("githubusercontent.com");
  const faults: string[] = [];
  const isAboutSubject = claims.some((claim) => !["aud", "iss"].includes(claim));
  if (!isAboutSubject)
    faults.push("It has no rule about who asks, so everybody with a token of this issuer can use it: add a rule on sub or the repository.");
  for (const [claim, pattern] of Object.entries(rules)) {
    if (/^(\w+:)?[\w-]+\*/.test(pattern) && /^(sub|repository|repository_owner|project_path|namespace_path)$/.test(claim))
      faults.push(
        `The rule on ${claim} has a wildcard in the name of the owner: somebody can register a name that begins in the same way. End the name with a slash.`,
      );
    if (claim === "sub" && /^repo:[^*]*:\*$/.test(pattern))
      faults.push("The rule on sub admits every branch, tag and pull request of the repository: anybody who can push a branch can use it.");
    if (claim === "sub" && /^repo:[^@*?]+\/[^@:]+:/.test(pattern) && !has("repository_id"))
      faults.push(
        "GitHub adds ids to sub (repo:OWNER@ID/REPOSITORY@ID:…) for new, renamed and moved repositories, and this rule does not match those: use rules on repository_id and ref.",
      );
    if (/[A-Za-z0-9]\.[A-Za-z0-9]/.test(pattern) && claim !== "aud" && claim !== ORIGIN)
      faults.push(`A dot in a pattern is any character, so the rule on ${claim} also matches a name with another character in its place.`);
  }
  if (isGitHub && has("repository", "sub") && !has("repository_id", "repository_owner_id"))
    faults.push(
      "When an account is deleted, somebody else can take its name: add a rule on repository_owner_id or repository_id, which never change.",
    );
  if (has("job_workflow_ref") && !has("repository", "repository_id", "repository_owner", "repository_owner_id", "sub"))
    faults.push("job_workflow_ref names the workflow that is called, and any repository can call it: add a rule on repository_id.");
  if (isGitHub && isAboutSubject && !has("environment") && !deniesPullRequests(all, rules))
    faults.push(
      "A workflow of the kind pull_request_target runs for pull requests of forks with the ref of the target branch: require an environment, or deny it by a rule on event_name.",
    );
  const namesOrigin = has(ORIGIN) || Object.values(rules).some((pattern) => pattern.includes("/vcs-origin/"));
  if (new URL(url).hostname === "oidc.circleci.com" && !namesOrigin)
    faults.push(
      'If the project passes secrets to pull requests of forks, CircleCI gives them tokens of this project: add a rule on "oidc.circleci.com/vcs-origin".',
    );
  if (authorizedPermissions.includes("admin"))
    faults.push("It allows tokens with the role Admin: whoever can change the pipeline can change the organization.");
  return faults;
}

/** Whether a definition of the policy denies what pull requests of forks can run, or this one names another event. */
const deniesPullRequests = (all: PolicyDefinition[], rules: Record<string, string>) =>
  (rules["event_name"] !== undefined && !hasWildcard(rules["event_name"]) && rules["event_name"] !== "pull_request_target") ||
  all.some(
    (one) =>
      one.decision === "deny" &&
      Object.keys(one.rules).length === 1 &&
      ["pull_request*", "pull_request_target"].includes(one.rules["event_name"] ?? ""),
  );
