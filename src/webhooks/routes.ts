import type { OrgContext } from "../context.ts";
import { publicUrlOf } from "../http/origin.ts";
import { defineRoute } from "../http/route.ts";
import { STACK_PATH } from "../stacks/params.ts";
import { createWebhook } from "./create.ts";
import { deleteWebhook } from "./delete.ts";
import { WebhookRequest, orgHook, orgHookEvent, orgHooks, stackHook, stackHookEvent, stackHooks } from "./schema.ts";
import { listDeliveries, pingWebhook, redeliverEvent } from "./send.ts";
import { updateWebhook } from "./update.ts";
import { getWebhook, listWebhooks } from "./webhook.ts";

const HOOKS = "/api/orgs/{orgName}/hooks" as const;
const HOOK = `${HOOKS}/{hookName}` as const;
const STACK_HOOKS = `${STACK_PATH}/hooks` as const;
const STACK_HOOK = `${STACK_HOOKS}/{hookName}` as const;

const hostOf = ({ env }: OrgContext, request: Request) => publicUrlOf(env, request).host;
const created = (webhook: object) => Response.json(webhook, { status: 201 });

export const webhookRoutes = [
  defineRoute(
    { method: "GET", path: HOOKS, operationId: "ListOrganizationWebhooks", permission: "organization_webhook:read", params: orgHooks },
    (ctx) => listWebhooks(ctx, undefined),
  ),
  defineRoute(
    {
      method: "POST",
      path: HOOKS,
      operationId: "CreateOrganizationWebhook",
      permission: "organization_webhook:create",
      params: orgHooks,
      body: WebhookRequest,
    },
    async (ctx, { body, request }) => created(await createWebhook(ctx, undefined, body, hostOf(ctx, request))),
  ),
  defineRoute(
    { method: "GET", path: HOOK, operationId: "GetOrganizationWebhook", permission: "organization_webhook:read", params: orgHook },
    (ctx, { params }) => getWebhook(ctx, undefined, params.hookName),
  ),
  defineRoute(
    {
      method: "PATCH",
      path: HOOK,
      operationId: "UpdateOrganizationWebhook",
      permission: "organization_webhook:update",
      params: orgHook,
      body: WebhookRequest,
    },
    (ctx, { params, body, request }) => updateWebhook(ctx, undefined, params.hookName, body, hostOf(ctx, request)),
  ),
  defineRoute(
    { method: "DELETE", path: HOOK, operationId: "DeleteOrganizationWebhook", permission: "organization_webhook:delete", params: orgHook },
    (ctx, { params }) => deleteWebhook(ctx, undefined, params.hookName),
  ),
  defineRoute(
    {
      method: "POST",
      path: `${HOOK}/ping`,
      operationId: "PingOrganizationWebhook",
      permission: "organization_webhook:update",
      params: orgHook,
    },
    (ctx, { params }) => pingWebhook(ctx, undefined, params.hookName),
  ),
  defineRoute(
    {
      method: "GET",
      path: `${HOOK}/deliveries`,
      operationId: "GetOrganizationWebhookDeliveries",
      permission: "organization_webhook:read",
      params: orgHook,
    },
    (ctx, { params }) => listDeliveries(ctx, undefined, params.hookName),
  ),
  defineRoute(
    {
      method: "POST",
      path: `${HOOK}/deliveries/{event}/redeliver`,
      operationId: "RedeliverOrganizationWebhookEvent",
      permission: "organization_webhook:update",
      params: orgHookEvent,
    },
    (ctx, { params }) => redeliverEvent(ctx, undefined, params.hookName, params.event),
  ),
  defineRoute(
    { method: "GET", path: STACK_HOOKS, operationId: "ListStackWebhooks", permission: "stack_webhook:read", params: stackHooks },
    (ctx, { params }) => listWebhooks(ctx, params),
  ),
  defineRoute(
    {
      method: "POST",
      path: STACK_HOOKS,
      operationId: "CreateStackWebhook",
      permission: "stack_webhook:create",
      params: stackHooks,
      body: WebhookRequest,
    },
    async (ctx, { params, body, request }) => created(await createWebhook(ctx, params, body, hostOf(ctx, request))),
  ),
  defineRoute(
    { method: "GET", path: STACK_HOOK, operationId: "GetStackWebhook", permission: "stack_webhook:read", params: stackHook },
    (ctx, { params }) => getWebhook(ctx, params, params.hookName),
  ),
  defineRoute(
    {
      method: "PATCH",
      path: STACK_HOOK,
      operationId: "UpdateStackWebhook",
      permission: "stack_webhook:update",
      params: stackHook,
      body: WebhookRequest,
    },
    (ctx, { params, body, request }) => updateWebhook(ctx, params, params.hookName, body, hostOf(ctx, request)),
  ),
  defineRoute(
    { method: "DELETE", path: STACK_HOOK, operationId: "DeleteStackWebhook", permission: "stack_webhook:delete", params: stackHook },
    (ctx, { params }) => deleteWebhook(ctx, params, params.hookName),
  ),
  defineRoute(
    {
      method: "POST",
      path: `${STACK_HOOK}/ping`,
      operationId: "PingStackWebhook",
      permission: "stack_webhook:update",
      params: stackHook,
    },
    (ctx, { params }) => pingWebhook(ctx, params, params.hookName),
  ),
  defineRoute(
    {
      method: "GET",
      path: `${STACK_HOOK}/deliveries`,
      operationId: "GetStackWebhookDeliveries",
      permission: "stack_webhook:read",
      params: stackHook,
    },
    (ctx, { params }) => listDeliveries(ctx, params, params.hookName),
  ),
  defineRoute(
    {
      method: "POST",
      path: `${STACK_HOOK}/deliveries/{event}/redeliver`,
      operationId: "RedeliverStackWebhookEvent",
      permission: "stack_webhook:update",
      params: stackHookEvent,
    },
    (ctx, { params }) => redeliverEvent(ctx, params, params.hookName, params.event),
  ),
];
