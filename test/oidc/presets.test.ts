import { describe, expect, it } from "vitest";
import { type Claims } from "../../src/oidc/claims.ts";
import { evaluate } from "../../src/oidc/evaluate.ts";
import { isAudienceAccepted } from "../../src/oidc/audience.ts";
import { nameFor, runOf } from "../../src/oidc/label.ts";
import { type PresetFields, madeBy, presetKinds } from "../../src/oidc/presets.ts";
import { policyFault, warningsOf } from "../../src/oidc/warnings.ts";

const aud = "urn:pulumi:org:acme";

/** Claims as the providers send them (identity-facts §6), and the fields of a preset that must admit exactly their pipeline. */
const github: Claims = {
  iss: "https://token.actions.githubusercontent.com",
  aud,
  sub: "repo:acme/shop:ref:refs/heads/main",
  repository: "acme/shop",
  repository_id: "74",
  repository_owner: "acme",
  repository_owner_id: "65",
  ref: "refs/heads/main",
  ref_type: "branch",
  event_name: "push",
  workflow_ref: "acme/shop/.github/workflows/deploy.yml@refs/heads/main",
  job_workflow_ref: "acme/shop/.github/workflows/deploy.yml@refs/heads/main",
  run_id: "30433642",
  actor: "octo",
};
const gitlab: Claims = {
  iss: "https://gitlab.com",
  aud,
  sub: "project_path:acme/shop:ref_type:branch:ref:main",
  namespace_id: "72",
  namespace_path: "acme",
  project_id: "20",
  project_path: "acme/shop",
  pipeline_source: "push",
  ref: "main",
  ref_type: "branch",
  ref_protected: "true",
  job_id: "302",
};
const circleci: Claims = {
  iss: "https://oidc.circleci.com/org/0f1",
  aud,
  sub: "org/0f1/project/9a2/user/3",
  "oidc.circleci.com/project-id": "9a2",
  "oidc.circleci.com/vcs-ref": "refs/heads/main",
  "oidc.circleci.com/vcs-origin": "github.com/acme/shop",
  "oidc.circleci.com/ssh-rerun": false,
};
const buildkite: Claims = {
  iss: "https://agent.buildkite.com",
  aud,
  sub: "organization:acme:pipeline:shop:ref:refs/heads/main:commit:1:step:deploy",
  organization_slug: "acme",
  organization_id: "o-1",
  pipeline_slug: "shop",
  pipeline_id: "p-1",
  build_branch: "main",
  build_number: 9,
};
const azure: Claims = { iss: "https://vstoken.dev.azure.com/1", aud: "api://AzureADTokenExchange", sub: "sc://acme/shop/production" };
const bitbucket: Claims = {
  iss: "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc",
  aud,
  sub: "{r-1}:{step-1}",
  repositoryUuid: "{r-1}",
  workspaceUuid: "{w-1}",
  branchName: "main",
};
const kubernetes: Claims = {
  iss: "https://kubernetes.default.svc",
  aud: [aud],
  sub: "system:serviceaccount:ci:deployer",
  "kubernetes.io": { namespace: "ci", serviceaccount: { name: "deployer", uid: "u-1" }, pod: { name: "x" } },
};
const terraform: Claims = {
  iss: "https://app.terraform.io",
  aud,
  sub: "organization:acme:project:p:workspace:shop:run_phase:apply",
  terraform_organization_name: "acme",
  terraform_organization_id: "org-1",
  terraform_workspace_name: "shop",
  terraform_workspace_id: "ws-1",
  terraform_run_phase: "apply",
};
const spacelift: Claims = {
  iss: "https://acme.app.spacelift.io",
  aud: "acme.app.spacelift.io",
  sub: "space:root:stack:shop:run_type:TRACKED:scope:write",
  spaceId: "root",
  callerType: "stack",
  callerId: "shop",
  runType: "TRACKED",
  scope: "write",
};

interface Case {
  fields: PresetFields;
  claims: Claims;
  /** Changed claims that must be refused, by a description of the change. */
  out: Record<string, Claims>;
  /** Changed claims that must be admitted. */
  in?: Record<string, Claims>;
}

const ofGitHub = { kind: "github-actions", owner: "acme", repository: "shop", ownerId: "65", repositoryId: "74" } as const;
const cases: Record<string, Case> = {
  "github-actions on a branch": {
    fields: { ...ofGitHub, branch: "main" },
    claims: github,
    in: {
      "the new form of sub": { sub: "repo:acme@65/shop@74:ref:refs/heads/main" },
      "a run by hand": { event_name: "workflow_dispatch" },
      "a reusable workflow that it calls": { job_workflow_ref: "acme/workflows/.github/workflows/pulumi.yml@refs/heads/main" },
    },
    out: {
      "a fork": {
        repository: "mallory/shop",
        repository_id: "99",
        repository_owner: "mallory",
        repository_owner_id: "98",
        sub: "repo:mallory/shop:ref:refs/heads/main",
      },
      "another branch": { ref: "refs/heads/mian", sub: "repo:acme/shop:ref:refs/heads/mian" },
      "a tag of that name": { ref: "refs/tags/main", ref_type: "tag" },
      "a branch that ends like it": { ref: "refs/heads/x/main" },
      "another repository with the same name": {
        repository: "other/shop",
        repository_owner: "other",
        repository_id: "75",
        repository_owner_id: "66",
      },
      "a repository with a longer name": { repository: "acme/shop-evil", repository_id: "76" },
      "a renamed owner, whose name somebody took": { repository_owner_id: "100", repository_id: "101" },
      "a reusable workflow that another repository calls": {
        repository: "mallory/x",
        repository_id: "9",
        repository_owner_id: "9",
        job_workflow_ref: github["job_workflow_ref"],
      },
      "a pull request": { event_name: "pull_request", ref: "refs/pull/7/merge", sub: "repo:acme/shop:pull_request" },
      "a pull request of a fork, with the rights of the target": { event_name: "pull_request_target" },
      "a run after another workflow": { event_name: "workflow_run" },
      "a token for another service": { aud: "sts.amazonaws.com" },
      "claims of lists": { repository: ["mallory/x"], ref: [] },
    },
  },
  "github-actions in an environment": {
    fields: { ...ofGitHub, environment: "production" },
    claims: { ...github, environment: "production", sub: "repo:acme/shop:environment:production" },
    out: {
      "no environment": { environment: undefined },
      "another environment": { environment: "staging" },
      "a fork": { repository_id: "99" },
      "a pull request": { event_name: "pull_request", ref: "refs/pull/7/merge" },
      "a pull request of a fork, with the rights of the target": { event_name: "pull_request_target" },
      "a renamed owner, whose name somebody took": { repository_owner_id: "100", repository_id: "101" },
      "a reusable workflow that another repository calls": { repository: "mallory/x", repository_id: "9", repository_owner_id: "9" },
    },
  },
  "github-actions without ids": {
    fields: { kind: "github-actions", owner: "acme", repository: "shop", branch: "main" },
    claims: github,
    in: { "another owner of the name, of which its warning tells": { repository_owner_id: "100", repository_id: "101" } },
    out: {
      "a fork": { repository: "mallory/shop" },
      "another repository with the same name": { repository: "other/shop" },
      "an owner with a longer name": { repository: "acme-evil/shop" },
      "an owner in capitals": { repository: "ACME/shop" },
      "another branch": { ref: "refs/heads/main2" },
      "a pull request": { event_name: "pull_request" },
      "a reusable workflow that another repository calls": { repository: "mallory/x" },
    },
  },
  gitlab: {
    fields: { kind: "gitlab", owner: "acme", repository: "shop", branch: "main", ownerId: "72", repositoryId: "20" },
    claims: gitlab,
    out: {
      "a fork": { project_path: "mallory/shop", project_id: "21", namespace_id: "73" },
      "another branch": { ref: "mian" },
      "a tag": { ref_type: "tag" },
      "a branch that is not protected": { ref_protected: "false" },
      "a merge request": { pipeline_source: "merge_request_event" },
      "an owner of the same name": { namespace_id: "74" },
      "another project with the same name": { project_path: "other/shop", project_id: "22", namespace_id: "75", namespace_path: "other" },
      "a merge request of a fork, whose project_path is that of the fork": {
        project_path: "mallory/shop",
        project_id: "21",
        namespace_id: "73",
        pipeline_source: "merge_request_event",
      },
      "an external pull request": { pipeline_source: "external_pull_request_event" },
    },
  },
  "gitlab in an environment": {
    fields: { kind: "gitlab", owner: "acme", repository: "shop", environment: "production", ownerId: "72", repositoryId: "20" },
    claims: { ...gitlab, environment: "production", environment_protected: "true" },
    out: {
      "no environment": { environment: undefined, environment_protected: undefined },
      "another environment": { environment: "staging" },
      "an environment that is not protected": { environment_protected: "false" },
      "a branch that is not protected": { ref_protected: "false" },
      "a fork": { project_path: "mallory/shop", project_id: "21", namespace_id: "73" },
      "a renamed owner, whose name somebody took": { namespace_id: "74", project_id: "23" },
      "a merge request": { pipeline_source: "merge_request_event" },
    },
  },
  circleci: {
    fields: { kind: "circleci", owner: "0f1", repository: "9a2", branch: "main", repositoryId: "github.com/acme/shop" },
    claims: circleci,
    out: {
      "a fork, whose pull requests the project gives its secrets": { "oidc.circleci.com/vcs-origin": "github.com/mallory/shop" },
      "a pull request": { "oidc.circleci.com/vcs-ref": "refs/pull/7" },
      "another customer": { "oidc.circleci.com/project-id": "7b1", sub: "org/0f2/project/7b1/user/3" },
      "another project": { "oidc.circleci.com/project-id": "9a3" },
      "a rerun with SSH": { "oidc.circleci.com/ssh-rerun": true },
      "another branch": { "oidc.circleci.com/vcs-ref": "refs/heads/x" },
    },
  },
  buildkite: {
    fields: { kind: "buildkite", owner: "acme", repository: "shop", branch: "main", ownerId: "o-1", repositoryId: "p-1" },
    claims: buildkite,
    out: {
      "another customer": { organization_slug: "mallory", organization_id: "o-2" },
      "a renamed owner": { organization_id: "o-3" },
      "another pipeline": { pipeline_slug: "x" },
      "another branch": { build_branch: "x" },
      "a pull request of a fork": { build_branch: "mallory:main" },
      "a pipeline of the same name, made anew": { pipeline_id: "p-2" },
      "a token without ids": { organization_id: undefined, pipeline_id: undefined },
    },
  },
  "azure-devops": {
    fields: { kind: "azure-devops", url: "https://vstoken.dev.azure.com/1", owner: "acme", repository: "shop", environment: "production" },
    claims: azure,
    out: {
      "another connection": { sub: "sc://acme/shop/staging" },
      "another project": { sub: "sc://acme/x/production" },
      "another organization": { sub: "sc://mallory/shop/production" },
    },
  },
  bitbucket: {
    fields: { kind: "bitbucket", owner: "acme", repository: "{r-1}", branch: "main", ownerId: "{w-1}" },
    claims: bitbucket,
    out: {
      "another repository": { repositoryUuid: "{r-2}" },
      "another branch": { branchName: "x" },
      "another workspace": { workspaceUuid: "{w-2}" },
      "a fork": { repositoryUuid: "{r-9}", workspaceUuid: "{w-9}" },
    },
  },
  kubernetes: {
    fields: { kind: "kubernetes", url: "https://kubernetes.default.svc", owner: "ci", repository: "deployer", repositoryId: "u-1" },
    claims: kubernetes,
    out: {
      "another account": { sub: "system:serviceaccount:ci:default" },
      "another namespace": { sub: "system:serviceaccount:dev:deployer" },
      "a new account of the same name": { "kubernetes.io": { namespace: "ci", serviceaccount: { name: "deployer", uid: "u-2" } } },
      "a token for the cluster itself": { aud: ["https://kubernetes.default.svc"] },
    },
  },
  "hcp-terraform": {
    fields: { kind: "hcp-terraform", owner: "acme", repository: "shop", ownerId: "org-1", repositoryId: "ws-1" },
    claims: terraform,
    out: {
      "a plan": { terraform_run_phase: "plan" },
      "another workspace": { terraform_workspace_id: "ws-2" },
      "another customer": { terraform_organization_name: "mallory" },
      "an organization of the same name, made anew": { terraform_organization_id: "org-2" },
    },
  },
  spacelift: {
    fields: { kind: "spacelift", url: "https://acme.app.spacelift.io", owner: "root", repository: "shop" },
    claims: spacelift,
    out: { "a proposed run": { scope: "read" }, "another stack": { callerId: "x" }, "another space": { spaceId: "legacy" } },
  },
};

describe.each(Object.entries(cases))("the preset %s", (_, one) => {
  const { url, policies, pipeline } = madeBy(one.fields, "acme", "https://stackpass.example.com");
  const admits = (more: Claims) => {
    const claims = { ...one.claims, ...more };
    const isMeant = isAudienceAccepted(claims, { audiences: [], policies }, "acme", "https://stackpass.example.com");
    return isMeant && evaluate(policies, { tokenType: "organization", name: "", admin: false }, claims).allowed;
  };

  it("is for the issuer of the claims, and names the service", () => {
    expect(url).toBe(one.claims["iss"]);
    expect(pipeline).toContain("https://stackpass.example.com");
    expect(policyFault(url, policies)).toBeUndefined();
  });

  it("admits the pipeline", () => expect(admits({})).toBe(true));
  it.each(Object.entries(one.in ?? {}))("admits %s", (__, more) => expect(admits(more)).toBe(true));
  it.each(Object.entries(one.out))("keeps out %s", (__, more) => expect(admits(more)).toBe(false));

  it("allows no other kind of token", () => {
    for (const wanted of [
      { tokenType: "organization", name: "", admin: true },
      { tokenType: "team", name: "ops", admin: false },
      { tokenType: "personal", name: "ada", admin: false },
    ] as const)
      expect(evaluate(policies, wanted, one.claims).allowed).toBe(false);
  });

  it("makes the token of a team, too", () => {
    const made = madeBy({ ...one.fields, teamName: "ops" }, "acme", "https://stackpass.example.com");
    expect(evaluate(made.policies, { tokenType: "team", name: "ops", admin: false }, one.claims).allowed).toBe(true);
    expect(evaluate(made.policies, { tokenType: "organization", name: "", admin: false }, one.claims).allowed).toBe(false);
  });
});

it("has a case for each preset", () => {
  expect(new Set(Object.values(cases).map(({ fields }) => fields.kind))).toEqual(new Set(presetKinds));
});

it("warns of a preset for GitHub without ids, and of no other", () => {
  const { url, policies } = madeBy(
    { kind: "github-actions", owner: "acme", repository: "shop", branch: "main" },
    "acme",
    "https://s.example.com",
  );
  expect(warningsOf(url, policies)).toMatchObject([{ policy: 0, message: expect.stringContaining("repository_owner_id") as string }]);
  for (const [name, { fields }] of Object.entries(cases)) {
    if (name.endsWith("without ids")) continue;
    const made = madeBy(fields, "acme", "https://s.example.com");
    expect(warningsOf(made.url, made.policies), name).toEqual([]);
  }
});

it("warns of a preset for CircleCI that does not name the origin of the code", () => {
  const { url, policies } = madeBy({ kind: "circleci", owner: "0f1", repository: "9a2", branch: "main" }, "acme", "https://s.example.com");
  expect(warningsOf(url, policies)).toMatchObject([{ policy: 0, message: expect.stringContaining("vcs-origin") as string }]);
});

it("makes a pipeline that asks Buildkite for the ids of the rules", () => {
  const pipeline = (ids: Partial<PresetFields>) =>
    madeBy({ kind: "buildkite", owner: "acme", repository: "shop", ...ids }, "acme", "https://s.example.com").pipeline;
  expect(pipeline({ ownerId: "o-1", repositoryId: "p-1" })).toContain("urn:pulumi:org:acme --claim organization_id --claim pipeline_id)");
  expect(pipeline({})).toContain("urn:pulumi:org:acme)");
});

it("writes names into the pipeline so that YAML and the shell read them as they are", () => {
  const pipeline = (more: Partial<PresetFields>) =>
    madeBy({ kind: "github-actions", owner: "acme", repository: "shop", branch: "main", ...more }, "acme", "https://s.example.com")
      .pipeline;
  expect(pipeline({})).toContain("branches: [main]\n");
  expect(pipeline({ branch: "fix/#1, x]" })).toContain('branches: ["fix/#1, x]"]\n');
  expect(pipeline({ environment: "on" })).toContain('environment: "on"\n');
  expect(pipeline({ environment: "a: b" })).toContain('environment: "a: b"\n');
  expect(pipeline({ teamName: "it's; ls" })).toContain(String.raw`--oidc-team 'it'\''s; ls'`);
});

it("names a token by its pipeline, in one line, and links to its run", () => {
  expect(nameFor("github", github)).toBe("github:acme/shop@main");
  expect(nameFor("gitlab", gitlab)).toBe("gitlab:acme/shop@main");
  expect(nameFor("k8s", kubernetes)).toBe("k8s:system:serviceaccount:ci:deployer");
  expect(nameFor("x", { sub: `a\n\u202e${"b".repeat(200)}` })).toMatch(/^x:a b+$/);
  expect(nameFor("x", { sub: "b".repeat(200) })).toHaveLength(100);
  expect(runOf(github["iss"] as string, github)).toBe("https://github.com/acme/shop/actions/runs/30433642");
  expect(runOf("https://gitlab.com", gitlab)).toBe("https://gitlab.com/acme/shop/-/jobs/302");
  expect(runOf(buildkite["iss"] as string, buildkite)).toBe("https://buildkite.com/acme/shop/builds/9");
  expect(runOf(github["iss"] as string, { ...github, repository: "https://evil.example.com/" })).toBe("");
  expect(runOf("https://x.example.com", { sub: "x" })).toBe("");
});
