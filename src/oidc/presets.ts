import { badRequest } from "../errors.ts";
import type { PolicyDefinition, PolicyStack } from "./table.ts";

/** Kinds of pipeline for which there is a ready policy (identity-facts §6). */
export const presetKinds = [
  "github-actions",
  "gitlab",
  "circleci",
  "buildkite",
  "azure-devops",
  "bitbucket",
  "kubernetes",
  "hcp-terraform",
  "spacelift",
] as const;
export type PresetKind = (typeof presetKinds)[number];

/**
 * The fields of a preset. For Kubernetes, the owner is a namespace, and the repository is a service account. For CircleCI, the id of the repository is
 * the origin of the code.
 */
export interface PresetFields {
  kind: PresetKind;
  url?: string | null | undefined;
  owner: string;
  repository: string;
  branch?: string | null | undefined;
  environment?: string | null | undefined;
  ownerId?: string | null | undefined;
  repositoryId?: string | null | undefined;
  roleID?: string | null | undefined;
  teamName?: string | null | undefined;
  stacks?: PolicyStack[] | null | undefined;
}

export interface Made {
  url: string;
  policies: PolicyDefinition[];
  pipeline: string;
}

/** The facts that a preset knows about its provider. */
interface Provider {
  /** Undefined: it depends on the installation, so the fields must have it. */
  url?: (fields: PresetFields) => string;
  /** The rules of the definition that allows. A rule without a value is left out. */
  rules: (fields: PresetFields) => Record<string, string | null | undefined>;
  /** Rules of definitions that deny. */
  denied?: Record<string, string>[];
  /** The audience of its tokens, if a pipeline cannot choose one. */
  audience?: (url: string) => string;
  /** Whether the fields must have a branch or an environment. */
  needsPlace?: true;
}

const onBranch = ({ branch }: PresetFields) => branch && `refs/heads/${branch}`;

const providers: Record<PresetKind, Provider> = {
  "github-actions": {
    url: () => "https://token.actions.githubusercontent.com",
    needsPlace: true,
    rules: (fields) => ({
      repository: `${fields.owner}/${fields.repository}`,
      repository_owner_id: fields.ownerId,
      repository_id: fields.repositoryId,
      ref: onBranch(fields),
      environment: fields.environment,
    }),
    denied: [{ event_name: "pull_request*" }, { event_name: "workflow_run" }],
  },
  gitlab: {
    url: () => "https://gitlab.com",
    needsPlace: true,
    rules: (fields) => ({
      project_path: `${fields.owner}/${fields.repository}`,
      namespace_id: fields.ownerId,
      project_id: fields.repositoryId,
      ref: fields.branch,
      ref_type: fields.branch && "branch",
      ref_protected: "true",
      environment: fields.environment,
      environment_protected: fields.environment && "true",
    }),
    denied: [{ pipeline_source: "merge_request_event" }, { pipeline_source: "external_pull_request_event" }],
  },
  circleci: {
    url: ({ owner }) => `https://oidc.circleci.com/org/${owner}`,
    rules: (fields) => ({
      '"oidc.circleci.com/project-id"': fields.repository,
      '"oidc.circleci.com/vcs-ref"': onBranch(fields),
      '"oidc.circleci.com/vcs-origin"': fields.repositoryId,
      '"oidc.circleci.com/ssh-rerun"': "false",
    }),
  },
  buildkite: {
    url: () => "https://agent.buildkite.com",
    rules: (fields) => ({
      organization_slug: fields.owner,
      organization_id: fields.ownerId,
      pipeline_slug: fields.repository,
      pipeline_id: fields.repositoryId,
      build_branch: fields.branch,
    }),
  },
  "azure-devops": {
    audience: () => "api://AzureADTokenExchange",
    rules: ({ owner, repository, environment }) => ({ sub: `sc://${owner}/${repository}/${environment ?? ""}` }),
  },
  bitbucket: {
    url: ({ owner }) => `https://api.bitbucket.org/2.0/workspaces/${owner}/pipelines-config/identity/oidc`,
    rules: (fields) => ({
      repositoryUuid: fields.repository,
      workspaceUuid: fields.ownerId,
      branchName: fields.branch,
      deploymentEnvironmentUuid: fields.environment,
    }),
  },
  kubernetes: {
    rules: ({ owner, repository, repositoryId }) => ({
      sub: `system:serviceaccount:${owner}:${repository}`,
      '"kubernetes.io".serviceaccount.uid': repositoryId,
    }),
  },
  "hcp-terraform": {
    url: () => "https://app.terraform.io",
    rules: (fields) => ({
      terraform_organization_name: fields.owner,
      terraform_organization_id: fields.ownerId,
      terraform_workspace_name: fields.repository,
      terraform_workspace_id: fields.repositoryId,
      terraform_run_phase: fields.environment ?? "apply",
    }),
  },
  spacelift: {
    audience: (url) => new URL(url).host,
    rules: (fields) => ({ spaceId: fields.owner, callerId: fields.repository, callerType: "stack", scope: fields.environment ?? "write" }),
  },
};

/**
 * The issuer and the policy of a preset. They admit one pipeline on one branch or in one environment, by ids that never change where the fields
 * have them, and deny what pull requests of forks can run.
 * @throws 400 for a field that is missing, or that would be a pattern
 */
export function madeBy(fields: PresetFields, orgName: string, origin: string): Made {
  const { url, rules, audience, denied = [], needsPlace } = providers[fields.kind];
  const wild = (["owner", "repository", "branch", "environment", "ownerId", "repositoryId"] as const).find((name) =>
    /[*?]|^$/.test(fields[name] ?? "x"),
  );
  if (wild) throw badRequest(`the ${wild} of a preset is a name without * and ?`);
  if (needsPlace && !fields.branch && !fields.environment) throw badRequest("a preset of this kind needs a branch or an environment");
  const address = fields.url || url?.(fields);
  if (!address || !URL.canParse(address)) throw badRequest("a preset of this kind needs the url of the issuer");
  if (fields.teamName && fields.roleID) throw badRequest("a preset has a team or a role");
  const about = {
    tokenType: fields.teamName ? ("team" as const) : ("organization" as const),
    ...(fields.teamName && { teamName: fields.teamName }),
  };
  const allowing: PolicyDefinition = {
    decision: "allow",
    ...about,
    ...(fields.roleID && { roleID: fields.roleID }),
    authorizedPermissions: [],
    rules: { aud: audience?.(address) ?? `urn:pulumi:org:${orgName}`, ...withValues(rules(fields)) },
    ...(fields.stacks && { stacks: fields.stacks }),
  };
  const denying = denied.map((denial): PolicyDefinition => ({ decision: "deny", ...about, authorizedPermissions: [], rules: denial }));
  return { url: address, policies: [allowing, ...denying], pipeline: pipelineOf(fields, orgName, origin) };
}

const withValues = (rules: Record<string, string | null | undefined>): Record<string, string> =>
  Object.fromEntries(Object.entries(rules).flatMap(([claim, value]) => (value ? [[claim, value] as const] : [])));

/** A text in a YAML file: in quotes, unless it can only be a text. */
const inYaml = (text: string) =>
  /^[a-z][\w/-]*$/i.test(text) && !/^(y|n|yes|no|on|off|true|false|null)$/i.test(text) ? text : JSON.stringify(text);

/** One word of a command. */
const inShell = (text: string) => (/^[\w.-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** Buildkite puts ids into a token only if the pipeline asks for them. */
const withIds = ({ ownerId, repositoryId }: PresetFields): string =>
  `${ownerId ? " --claim organization_id" : ""}${repositoryId ? " --claim pipeline_id" : ""}`;

/** The part of a pipeline that gets a token and signs in, to be pasted. */
function pipelineOf(fields: PresetFields, orgName: string, origin: string): string {
  const { kind, environment, branch, teamName } = fields;
  const audience = `urn:pulumi:org:${orgName}`;
  const team = teamName ? ` --oidc-team ${inShell(teamName)}` : "";
  const login = (token: string) => `pulumi login ${origin} --oidc-token ${token} --oidc-org ${orgName}${team}`;
  switch (kind) {
    case "github-actions":
      return `on:
  push:
    branches: [${inYaml(branch || "main")}]
permissions:
  id-token: write
  contents: read
jobs:
  deploy:
    runs-on: ubuntu-latest${environment ? `\n    environment: ${inYaml(environment)}` : ""}
    steps:
      - uses: actions/checkout@v4
      - uses: pulumi/actions@v6
      - run: |
          TOKEN=$(curl -sS -H "Authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" \\
            "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=${audience}" | jq -r .value)
          ${login('"$TOKEN"')}
          pulumi up --yes --stack ${orgName}/PROJECT/STACK
`;
    case "gitlab":
      return `deploy:
  image: { name: pulumi/pulumi, entrypoint: [""] }${branch ? `\n  rules: [{ if: '$CI_COMMIT_BRANCH == "${branch}"' }]` : ""}${environment ? `\n  environment: ${inYaml(environment)}` : ""}
  id_tokens:
    PULUMI_OIDC:
      aud: ${audience}
  script:
    - ${login('"$PULUMI_OIDC"')}
    - pulumi up --yes --stack ${orgName}/PROJECT/STACK
`;
    case "kubernetes":
      return `volumes:
  - name: pulumi
    projected:
      sources:
        - serviceAccountToken: { path: token, audience: "${audience}", expirationSeconds: 3600 }
# In the container, with the volume at /var/run/pulumi:
#   ${login("file:///var/run/pulumi/token")}
`;
    case "buildkite":
      return `steps:
  - command: |
      ${login(`"$(buildkite-agent oidc request-token --audience ${audience}${withIds(fields)})"`)}
      pulumi up --yes --stack ${orgName}/PROJECT/STACK
`;
    case "circleci":
      return `steps:
  - run: |
      TOKEN=$(circleci run oidc get --claims '{"aud": "${audience}"}')
      ${login('"$TOKEN"')}
      pulumi up --yes --stack ${orgName}/PROJECT/STACK
`;
    case "bitbucket":
      return `image: pulumi/pulumi
pipelines:
  default:
    - step:
        oidc: { audiences: ["${audience}"] }
        script:
          - ${login('"$BITBUCKET_STEP_OIDC_TOKEN"')}
          - pulumi up --yes --stack ${orgName}/PROJECT/STACK
`;
    case "hcp-terraform":
      return `# Set the variable TFC_WORKLOAD_IDENTITY_AUDIENCE of the workspace to ${audience}, then run in a hook:
${login('"$TFC_WORKLOAD_IDENTITY_TOKEN"')}
`;
    case "spacelift":
      return `# Run in a hook before the deployment:
${login('"$SPACELIFT_OIDC_TOKEN"')}
`;
    case "azure-devops":
      return `# Run with a token of the service connection in OIDC_TOKEN:
${login('"$OIDC_TOKEN"')}
`;
  }
}
