import type { OrgContext } from "../../context.ts";
import type { Place } from "../../webhooks/webhook.ts";
import { getWebhook } from "../../webhooks/webhook.ts";
import type { PageInput } from "../page.tsx";
import { placePath } from "../paths.ts";
import { STACK_PAGE, pathOf, stackOf } from "../stacks/frame.tsx";

export type HookContext = OrgContext & { page: PageInput };

/** Whose webhooks a page is about. */
export type Owner = "organization" | "stack";

/** The part of the paths before the pages of webhooks. */
export const basePath = (owner: Owner) => (owner === "stack" ? STACK_PAGE : ("/:orgName/~" as const));

/** The stack that the page's path names; undefined for a page of the organization. @throws 404 */
export const placeIn = (ctx: HookContext): Place => (ctx.page.params["stackName"] === undefined ? undefined : stackOf(ctx));

export const nameIn = ({ page }: HookContext) => page.params["hookName"] ?? "";

/** Reads the webhook of a page. @throws 404 */
export const hookFor = (ctx: HookContext) => getWebhook(ctx, placeIn(ctx), nameIn(ctx));

const pathAt = (ctx: HookContext, ...rest: string[]) => {
  const place = placeIn(ctx);
  return place
    ? [pathOf({ ...place, orgName: ctx.org.name }), ...rest.map(encodeURIComponent)].join("/")
    : placePath(ctx.org.name, ...rest);
};
export const listPath = (ctx: HookContext) => pathAt(ctx, "webhooks");
export const newPath = (ctx: HookContext) => pathAt(ctx, "new-webhook");
/** @param name of the webhook, if it is not the one of the page */
export const hookPath = (ctx: HookContext, rest: string[] = [], name = nameIn(ctx)) => pathAt(ctx, "webhooks", name, ...rest);

/** The host of the request, with its port. */
export const hostOf = ({ page }: HookContext) => page.url.host;
