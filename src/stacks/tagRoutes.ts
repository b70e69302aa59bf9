import * as z from "zod/mini";
import { defineRoute } from "../http/route.ts";
import { stackParams } from "./path.ts";
import { StackTag, tags } from "./schema.ts";
import { addStackTag, deleteStackTag, updateStackTag, updateStackTags } from "./tags.ts";

const S = "/api/stacks/{orgName}/{projectName}/{stackName}" as const;
const tagParams = z.extend(stackParams, { tagName: z.string() });

export const tagRoutes = [
  defineRoute(
    {
      method: "PATCH",
      path: `${S}/tags`,
      operationId: "UpdateStackTags",
      permission: "stack_tags:update",
      params: stackParams,
      body: tags,
    },
    (ctx, { params, body }) => updateStackTags(ctx, params, body),
  ),
  defineRoute(
    {
      method: "POST",
      path: `${S}/tags`,
      operationId: "AddStackTag",
      permission: "stack_tags:update",
      params: stackParams,
      body: StackTag,
    },
    (ctx, { params, body }) => addStackTag(ctx, params, body),
  ),
  defineRoute(
    {
      method: "PATCH",
      path: `${S}/tags/{tagName}`,
      operationId: "UpdateStackTag",
      permission: "stack_tags:update",
      params: tagParams,
      body: StackTag,
    },
    (ctx, { params, body }) => updateStackTag(ctx, params, params.tagName, body),
  ),
  defineRoute(
    {
      method: "DELETE",
      path: `${S}/tags/{tagName}`,
      operationId: "DeleteStackTag",
      permission: "stack_tags:update",
      params: tagParams,
    },
    (ctx, { params }) => deleteStackTag(ctx, params, params.tagName),
  ),
];
