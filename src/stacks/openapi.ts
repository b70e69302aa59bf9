import * as z from "zod/mini";
import { grantPermissions } from "../teams/table.ts";
import type { Operations } from "../http/openapi.ts";
import { stackParams } from "./params.ts";
import { StackConfig } from "./schema.ts";

const Stack = z.object({
  id: z.string(),
  orgName: z.string(),
  projectName: z.string(),
  stackName: z.string(),
  currentOperation: z.optional(z.object({ kind: z.string(), author: z.string(), started: z.int() })),
  activeUpdate: z.string(),
  tags: z.record(z.string(), z.string()),
  config: z.optional(StackConfig),
  version: z.int(),
});

const ListUserStacksResponse = z.object({
  stacks: z.array(
    z.object({
      id: z.string(),
      orgName: z.string(),
      projectName: z.string(),
      stackName: z.string(),
      lastUpdate: z.optional(z.int()),
      resourceCount: z.optional(z.int()),
    }),
  ),
  continuationToken: z.optional(z.string()),
});

const StackExport = z.looseObject({ version: z.int(), deployment: z.unknown() });

const resource = z.object({
  resource: z.looseObject({ custom: z.boolean(), delete: z.boolean(), dependencies: z.array(z.string()) }),
});
const resources = z.object({ region: z.string(), resources: z.array(resource), version: z.int() });
const found = z.object({ region: z.string(), resource, version: z.int() });

const reference = z.object({ organization: z.string(), routingProject: z.string(), name: z.string(), version: z.int() });
export const StackReferences = z.object({ referencedStacks: z.array(reference) });
export type StackReferences = z.infer<typeof StackReferences>;

const UserInfo = z.object({ name: z.string(), githubLogin: z.string(), avatarUrl: z.string() });

const UpdateSummary = z.object({ result: z.string(), startTime: z.int(), endTime: z.int(), resourceCount: z.int() });

const DeletedStack = z.object({
  id: z.string(),
  programId: z.string(),
  projectName: z.string(),
  stackName: z.string(),
  version: z.int(),
  deletedAt: z.int(),
  lastUpdate: UpdateSummary,
});

const RepositoryStack = z.object({
  programId: z.string(),
  name: z.string(),
  routingProject: z.string(),
  routingRepo: z.string(),
  hasDeploymentSettings: z.boolean(),
  driftDetected: z.boolean(),
  protectedByPolicy: z.boolean(),
  lastUpdate: z.optional(UpdateSummary),
});
const Repository = z.object({
  orgName: z.string(),
  name: z.string(),
  projects: z.array(z.object({ orgName: z.string(), repoName: z.string(), name: z.string(), stacks: z.array(RepositoryStack) })),
});

export const stackOperations = {
  GetOrganization: {
    tags: ["Organizations"],
    summary: "The organization, and the stacks that the caller may see, by project",
    answers: {
      200: z.object({ githubLogin: z.string(), name: z.string(), avatarUrl: z.string(), repos: z.array(Repository) }),
    },
  },
  ListUserStacks: { tags: ["Users"], summary: "Stacks that the caller may see", answers: { 200: ListUserStacksResponse } },
  ProjectExists: { tags: ["Organizations"], summary: "Whether the project has a stack", answers: { 200: null } },
  CreateStack: {
    tags: ["Organizations"],
    summary: "Creates a stack",
    answers: { 200: z.object({ messages: z.optional(z.array(z.object({ message: z.string() }))) }) },
  },
  GetStack: { tags: ["Stacks"], summary: "A stack and its current operation", answers: { 200: Stack } },
  ExportStack: { tags: ["Stacks"], summary: "The current deployment; audited", answers: { 200: StackExport } },
  ExportStackAtVersion: { tags: ["Stacks"], summary: "The deployment as it was after an update; audited", answers: { 200: StackExport } },

  GetStackResourceCount: {
    tags: ["Stacks"],
    summary: "The number of resources",
    answers: { 200: z.object({ resourceCount: z.int(), version: z.int() }) },
  },
  GetLatestStackResources: { tags: ["Stacks"], summary: "The resources; audited as an export", answers: { 200: resources } },
  GetLatestStackResource: { tags: ["Stacks"], summary: "A resource; audited as an export", answers: { 200: found } },
  GetStackResources: {
    tags: ["Stacks"],
    summary: "The resources as they were after an update; audited as an export",
    answers: { 200: resources },
  },
  GetStackResource: { tags: ["Stacks"], summary: "A resource as it was after an update; audited as an export", answers: { 200: found } },
  GetStackOverview: {
    tags: ["Stacks"],
    summary: "Tags, references and resources; audited as an export",
    answers: {
      200: z.object({ tags: z.record(z.string(), z.string()), referencedStacks: z.array(reference), resources }),
    },
  },

  UpdateStackTags: { tags: ["Stacks", "StackTags"], summary: "Replaces all tags", answers: { 204: null } },
  AddStackTag: { tags: ["Stacks", "StackTags"], summary: "Adds a tag with a new name", answers: { 204: null } },
  UpdateStackTag: { tags: ["Stacks", "StackTags"], summary: "Changes the value of a tag that is not built in", answers: { 204: null } },
  DeleteStackTag: { tags: ["Stacks", "StackTags"], summary: "Removes a tag that is not built in", answers: { 204: null } },

  GetStackConfig: {
    tags: ["Stacks", "StackConfig"],
    summary: "The environment that holds the stack's configuration, if there is one",
    answers: { 200: StackConfig },
  },
  UpdateStackConfig: {
    tags: ["Stacks", "StackConfig"],
    summary: "Refused: environments (Pulumi ESC) are not supported",
    answers: { 200: StackConfig },
  },
  DeleteStackConfig: {
    tags: ["Stacks", "StackConfig"],
    summary: "Removes the reference to an environment, so that the CLI reads the stack's file again",
    answers: { 204: null },
  },

  ListUpstreamStackReferences: { tags: ["Stacks"], summary: "Stacks whose outputs this stack reads", answers: { 200: StackReferences } },
  ListDownstreamStackReferences: { tags: ["Stacks"], summary: "Stacks that read outputs of this stack", answers: { 200: StackReferences } },

  GetStackMetadata: {
    tags: ["Stacks"],
    summary: "The owner and the notification settings of the stack",
    answers: {
      200: z.extend(stackParams, {
        ownedBy: UserInfo,
        notificationSettings: z.object({ notifyUpdateSuccess: z.boolean(), notifyUpdateFailure: z.boolean() }),
      }),
    },
  },
  ListStackTeams: {
    tags: ["Stacks"],
    summary: "Teams with rights to the stack",
    answers: {
      200: z.object({
        projectName: z.string(),
        teams: z.array(
          z.object({
            name: z.string(),
            displayName: z.string(),
            description: z.string(),
            isMember: z.boolean(),
            permission: z.literal(grantPermissions),
          }),
        ),
      }),
    },
  },
  ListStackPermissions: {
    tags: ["Stacks"],
    summary: "The creator of the stack, and the people with a right on this stack only",
    answers: {
      200: z.object({
        stackCreatorUserName: z.optional(z.string()),
        users: z.array(
          z.object({
            user: z.object({ githubLogin: z.string(), name: z.string(), avatarUrl: z.string() }),
            permission: z.literal(grantPermissions),
          }),
        ),
      }),
    },
  },
  DeleteStackPermission: {
    tags: ["Stacks"],
    summary: "Removes a person's own right on the stack; rights from the organization, roles and teams stay",
    answers: { 204: null },
  },

  ListDeletedStacks: {
    tags: ["Organizations"],
    summary: "The stacks that were deleted last, at most 25",
    answers: { 200: z.object({ deletedStacks: z.array(DeletedStack) }) },
  },
  RestoreDeletedStack: { tags: ["Organizations"], summary: "Restores a deleted stack", answers: { 204: null } },
} satisfies Operations;
