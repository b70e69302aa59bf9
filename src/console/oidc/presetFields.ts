import type { PresetKind } from "../../oidc/presets.ts";

/** The labels and hints of a preset's form, by the name of the field. The form leaves out a field without a label. */
interface PresetForm {
  title: string;
  /** The name that a new issuer has, unless the reader types another one. */
  name: string;
  owner: string;
  repository: string;
  branch?: string;
  environment?: string;
  ownerId?: string;
  repositoryId?: string;
  /** The label of the issuer's address. With `needsUrl`, the address depends on the installation. */
  url?: string;
  needsUrl?: true;
  /** The provider often has no public address, so its keys are registered. */
  needsKeys?: true;
  hints?: { url?: string; repository?: string; repositoryId?: string };
}

const server = "Address of your own server, if you have one";

export const presetForms: Record<PresetKind, PresetForm> = {
  "github-actions": {
    title: "GitHub Actions",
    name: "github",
    owner: "Owner",
    repository: "Repository",
    branch: "Branch",
    environment: "Environment",
    ownerId: "Id of the owner",
    repositoryId: "Id of the repository",
    url: server,
    hints: {
      repositoryId:
        "The ids never change, so nobody gets access with the name of a deleted account. gh api repos/OWNER/REPOSITORY prints both.",
    },
  },
  gitlab: {
    title: "GitLab",
    name: "gitlab",
    owner: "Group",
    repository: "Project",
    branch: "Protected branch",
    environment: "Protected environment",
    ownerId: "Id of the group",
    repositoryId: "Id of the project",
    url: server,
  },
  circleci: {
    title: "CircleCI",
    name: "circleci",
    owner: "Id of the organization",
    repository: "Id of the project",
    branch: "Branch",
    repositoryId: "Origin of the code",
    hints: {
      repositoryId: "For example github.com/acme/shop. It keeps pull requests of forks out, if the project passes secrets to forks.",
    },
  },
  buildkite: {
    title: "Buildkite",
    name: "buildkite",
    owner: "Organization",
    repository: "Pipeline",
    branch: "Branch",
    ownerId: "Id of the organization",
    repositoryId: "Id of the pipeline",
  },
  "azure-devops": {
    title: "Azure DevOps",
    name: "azure-devops",
    owner: "Organization",
    repository: "Project",
    environment: "Service connection",
    url: "Issuer of the service connection",
    needsUrl: true,
  },
  bitbucket: {
    title: "Bitbucket",
    name: "bitbucket",
    owner: "Workspace",
    repository: "UUID of the repository",
    branch: "Branch",
    environment: "UUID of the deployment environment",
    ownerId: "UUID of the workspace",
    hints: { repository: "Bitbucket writes a UUID in braces." },
  },
  kubernetes: {
    title: "Kubernetes",
    name: "cluster",
    owner: "Namespace",
    repository: "Service account",
    repositoryId: "UID of the service account",
    url: "Issuer of the cluster",
    needsUrl: true,
    needsKeys: true,
    hints: { url: "kubectl get --raw /.well-known/openid-configuration prints it." },
  },
  "hcp-terraform": {
    title: "HCP Terraform",
    name: "terraform",
    owner: "Organization",
    repository: "Workspace",
    environment: "Phase of the run, apply unless you enter another one",
    ownerId: "Id of the organization",
    repositoryId: "Id of the workspace",
    url: server,
  },
  spacelift: {
    title: "Spacelift",
    name: "spacelift",
    owner: "Id of the space",
    repository: "Id of the stack",
    environment: "Scope, write unless you enter another one",
    url: "Address of your account",
    needsUrl: true,
  },
};
