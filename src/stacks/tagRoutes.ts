import * as z from "zod/mini";
import { text } from "../http/bounded.ts";
import { defineRoute } from "../http/route.ts";
import { STACK_PATH, stackParams } from "./params.ts";
import { StackTag, tags } from "./schema.ts";
import { addStackTag, deleteStackTag, updateStackTag, updateStackTags } from "./tags.ts";

const tagParams = z.extend(stackParams, { tagName: text(200) });

export const tagRoutes = [
  defineRoute(
    {
      method: "PATCH",
      path: `${STACK_PATH}/tags`,
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
      path: `${STACK_PATH}/tags`,
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
      path: `${STACK_PATH}/tags/{tagName}`,
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
      path: `${STACK_PATH}/tags/{tagName}`,
      operationId: "DeleteStackTag",
      permission: "stack_tags:update",
      params: tagParams,
    },
    (ctx, { params }) => deleteStackTag(ctx, params, params.tagName),
  ),
];
