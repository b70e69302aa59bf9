import * as z from "zod/mini";
import type { Answers } from "../http/answers.ts";
import { stackParams } from "./path.ts";
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

const DeletedStack = z.object({
  id: z.string(),
  programId: z.string(),
  projectName: z.string(),
  stackName: z.string(),
  version: z.int(),
  deletedAt: z.int(),
  lastUpdate: z.object({ result: z.string(), startTime: z.int(), endTime: z.int(), resourceCount: z.int() }),
});

export const stackAnswers: Answers = {
  ListUserStacks: { 200: ListUserStacksResponse },
  ProjectExists: { 200: null },
  CreateStack: { 200: z.object({ messages: z.optional(z.array(z.object({ message: z.string() }))) }) },
  GetStack: { 200: Stack },
  ExportStack: { 200: StackExport },
  ExportStackAtVersion: { 200: StackExport },

  GetStackResourceCount: { 200: z.object({ resourceCount: z.int(), version: z.int() }) },
  GetLatestStackResources: { 200: resources },
  GetLatestStackResource: { 200: found },
  GetStackResources: { 200: resources },
  GetStackResource: { 200: found },
  GetStackOverview: {
    200: z.object({ tags: z.record(z.string(), z.string()), referencedStacks: z.array(reference), resources }),
  },

  UpdateStackTags: { 204: null },
  AddStackTag: { 204: null },
  UpdateStackTag: { 204: null },
  DeleteStackTag: { 204: null },

  GetStackConfig: { 200: StackConfig },
  UpdateStackConfig: { 200: StackConfig },
  DeleteStackConfig: { 204: null },

  ListUpstreamStackReferences: { 200: StackReferences },
  ListDownstreamStackReferences: { 200: StackReferences },

  GetStackMetadata: {
    200: z.extend(stackParams, {
      ownedBy: UserInfo,
      notificationSettings: z.object({ notifyUpdateSuccess: z.boolean(), notifyUpdateFailure: z.boolean() }),
    }),
  },
  ListStackTeams: { 200: z.object({ projectName: z.string(), teams: z.array(z.unknown()) }) },
  ListStackPermissions: { 200: z.object({ stackCreatorUserName: z.optional(z.string()), users: z.array(z.unknown()) }) },

  ListDeletedStacks: { 200: z.object({ deletedStacks: z.array(DeletedStack) }) },
  RestoreDeletedStack: { 204: null },
};
