import * as z from "zod";
import { orgName } from "../http/names.ts";
import { defineRoute } from "../http/route.ts";
import { deleteStackConfig, getStackConfig, updateStackConfig } from "./config.ts";
import { DeletedStack, listDeletedStacks, restoreDeletedStack } from "./deleted.ts";
import { getStackMetadata, listStackPermissions, listStackTeams } from "./get.ts";
import { stackParams } from "./path.ts";
import { StackReferences, listDownstreamReferences, listUpstreamReferences } from "./references.ts";
import { StackConfig, StackTag, tags } from "./schema.ts";
import { addStackTag, deleteStackTag, updateStackTag, updateStackTags } from "./tags.ts";

const S = "/api/stacks/{orgName}/{projectName}/{stackName}" as const;
const tagParams = stackParams.extend({ tagName: z.string() });

const tagRoutes = [
  defineRoute(
    {
      method: "PATCH",
      path: `${S}/tags`,
      operationId: "UpdateStackTags",
      tags: ["Stacks", "StackTags"],
      summary: "Replaces all tags",
      permission: "stack_tags:update",
      params: stackParams,
      body: tags,
      responses: { 204: null },
    },
    (ctx, { params, body }) => updateStackTags(ctx, params, body),
  ),
  defineRoute(
    {
      method: "POST",
      path: `${S}/tags`,
      operationId: "AddStackTag",
      tags: ["Stacks", "StackTags"],
      summary: "Adds a tag that is not there yet",
      permission: "stack_tags:update",
      params: stackParams,
      body: StackTag,
      responses: { 204: null },
    },
    (ctx, { params, body }) => addStackTag(ctx, params, body),
  ),
  defineRoute(
    {
      method: "PATCH",
      path: `${S}/tags/{tagName}`,
      operationId: "UpdateStackTag",
      tags: ["Stacks", "StackTags"],
      summary: "Changes the value of a tag that is not built in",
      permission: "stack_tags:update",
      params: tagParams,
      body: StackTag,
      responses: { 204: null },
    },
    (ctx, { params, body }) => updateStackTag(ctx, params, params.tagName, body),
  ),
  defineRoute(
    {
      method: "DELETE",
      path: `${S}/tags/{tagName}`,
      operationId: "DeleteStackTag",
      tags: ["Stacks", "StackTags"],
      summary: "Removes a tag that is not built in",
      permission: "stack_tags:update",
      params: tagParams,
      responses: { 204: null },
    },
    (ctx, { params }) => deleteStackTag(ctx, params, params.tagName),
  ),
];

const configRoutes = [
  defineRoute(
    {
      method: "GET",
      path: `${S}/config`,
      operationId: "GetStackConfig",
      tags: ["Stacks", "StackConfig"],
      summary: "Where the stack's configuration is kept, when not with its program",
      permission: "stack:read",
      params: stackParams,
      responses: { 200: StackConfig },
    },
    (ctx, { params }) => getStackConfig(ctx, params),
  ),
  defineRoute(
    {
      method: "PUT",
      path: `${S}/config`,
      operationId: "UpdateStackConfig",
      tags: ["Stacks", "StackConfig"],
      summary: "Says where the stack's configuration is kept",
      permission: "stack:write",
      params: stackParams,
      body: StackConfig,
      responses: { 200: StackConfig },
    },
    (ctx, { params, body }) => updateStackConfig(ctx, params, body),
  ),
  defineRoute(
    {
      method: "DELETE",
      path: `${S}/config`,
      operationId: "DeleteStackConfig",
      tags: ["Stacks", "StackConfig"],
      summary: "The configuration is kept with the program again",
      permission: "stack:write",
      params: stackParams,
      responses: { 204: null },
    },
    (ctx, { params }) => deleteStackConfig(ctx, params),
  ),
];

const referenceRoutes = [
  defineRoute(
    {
      method: "GET",
      path: `${S}/upstreamreferences`,
      operationId: "ListUpstreamStackReferences",
      tags: ["Stacks"],
      summary: "Stacks that this one reads outputs of",
      permission: "stack:read",
      params: stackParams,
      responses: { 200: StackReferences },
    },
    (ctx, { params }) => listUpstreamReferences(ctx, params),
  ),
  defineRoute(
    {
      method: "GET",
      path: `${S}/downstreamreferences`,
      operationId: "ListDownstreamStackReferences",
      tags: ["Stacks"],
      summary: "Stacks that read outputs of this one",
      permission: "stack:read",
      params: stackParams,
      responses: { 200: StackReferences },
    },
    (ctx, { params }) => listDownstreamReferences(ctx, params),
  ),
];

const UserInfo = z.object({ name: z.string(), githubLogin: z.string(), avatarUrl: z.string() });

const peopleRoutes = [
  defineRoute(
    {
      method: "GET",
      path: `${S}/metadata`,
      operationId: "GetStackMetadata",
      tags: ["Stacks"],
      summary: "Whose the stack is, and whom it notifies",
      permission: "stack:read",
      params: stackParams,
      responses: {
        200: stackParams.extend({
          ownedBy: UserInfo,
          notificationSettings: z.object({ notifyUpdateSuccess: z.boolean(), notifyUpdateFailure: z.boolean() }),
        }),
      },
    },
    (ctx, { params }) => getStackMetadata(ctx, params),
  ),
  defineRoute(
    {
      method: "GET",
      path: `${S}/teams`,
      operationId: "ListStackTeams",
      tags: ["Stacks"],
      summary: "Teams with rights to the stack",
      permission: "stack:read",
      params: stackParams,
      responses: { 200: z.object({ projectName: z.string(), teams: z.array(z.unknown()) }) },
    },
    (ctx, { params }) => listStackTeams(ctx, params),
  ),
  defineRoute(
    {
      method: "GET",
      path: `${S}/collaborators`,
      operationId: "ListStackPermissions",
      tags: ["Stacks"],
      summary: "Who made the stack, and people with rights to it alone",
      permission: "stack:read",
      params: stackParams,
      responses: { 200: z.object({ stackCreatorUserName: z.string().optional(), users: z.array(z.unknown()) }) },
    },
    (ctx, { params }) => listStackPermissions(ctx, params),
  ),
];

const D = "/api/orgs/{orgName}/restore-stack" as const;

const deletedRoutes = [
  defineRoute(
    {
      method: "GET",
      path: D,
      operationId: "ListDeletedStacks",
      tags: ["Organizations"],
      summary: "The stacks deleted last, 25 at most",
      permission: "stack:list_deleted",
      params: z.object({ orgName }),
      responses: { 200: z.object({ deletedStacks: z.array(DeletedStack) }) },
    },
    (ctx) => listDeletedStacks(ctx),
  ),
  defineRoute(
    {
      method: "POST",
      path: `${D}/{programID}`,
      operationId: "RestoreDeletedStack",
      tags: ["Organizations"],
      summary: "Brings a deleted stack back",
      permission: "stack:restore_deleted",
      params: z.object({ orgName, programID: z.string() }),
      body: z.object({ stackName: z.string() }),
      responses: { 204: null },
    },
    (ctx, { params, body }) => restoreDeletedStack(ctx, params.programID, body.stackName),
  ),
];

export const moreStackRoutes = [...tagRoutes, ...configRoutes, ...referenceRoutes, ...peopleRoutes, ...deletedRoutes];
