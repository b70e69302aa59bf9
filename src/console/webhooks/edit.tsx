import { badRequest } from "../../errors.ts";
import type { Webhook } from "../../webhooks/openapi.ts";
import { WebhookRequest } from "../../webhooks/schema.ts";
import { updateWebhook } from "../../webhooks/update.ts";
import { type Problem, attempt, readForm } from "../attempt.ts";
import { keepOnce } from "../once.ts";
import { type View, definePage } from "../page.tsx";
import { HookFields, formOf, requestOf } from "./fields.tsx";
import { Heading, hookView } from "./frame.tsx";
import { type HookContext, type Owner, basePath, hookFor, hookPath, hostOf, nameIn, placeIn } from "./place.ts";

export const hookEditPages = (owner: Owner) => {
  const HOOK = `${basePath(owner)}/webhooks/:hookName` as const;
  const permission = `${owner}_webhook:update` as const;
  return [
    definePage("GET", `${HOOK}/edit`, permission, async (ctx: HookContext) => view(ctx, await hookFor(ctx))),
    definePage("POST", `${HOOK}/edit`, permission, async (ctx: HookContext) => {
      const before = await hookFor(ctx);
      const body = readForm(WebhookRequest, requestOf(ctx, before));
      const done = "problem" in body ? body : await attempt(() => updateWebhook(ctx, placeIn(ctx), nameIn(ctx), body.value, hostOf(ctx)));
      if ("problem" in done) return view(ctx, before, done.problem);
      const { name, displayName, secret } = done.value;
      if (secret === undefined) return { to: hookPath(ctx), said: "The webhook was saved." };
      await keepOnce(ctx, ctx.page.hono, ctx.actor.token.id, { id: name, name: displayName, value: secret });
      return { to: hookPath(ctx, ["secret"]), said: null };
    }),
    definePage("POST", `${HOOK}/enable`, permission, async (ctx: HookContext) => setActive(ctx, true)),
    definePage("POST", `${HOOK}/disable`, permission, async (ctx: HookContext) => setActive(ctx, false)),
  ];
};

/** @throws 400 if the address must be entered again, and what `updateWebhook` throws */
async function setActive(ctx: HookContext, active: boolean) {
  const { displayName, payloadUrl, format, filters, groups } = await hookFor(ctx);
  if (payloadUrl.endsWith("/…")) throw badRequest("the stored address cannot be read any more: edit the webhook and enter it again");
  const request = { organizationName: ctx.org.name, displayName, payloadUrl, format, filters, groups, active };
  await updateWebhook(ctx, placeIn(ctx), nameIn(ctx), request, hostOf(ctx));
  return { to: hookPath(ctx), said: active ? "The webhook was activated." : "The webhook was deactivated." };
}

const view = (ctx: HookContext, hook: Webhook, problem?: Problem): View =>
  hookView({
    ctx,
    title: `Edit ${hook.displayName}`,
    problem,
    children: (
      <>
        <Heading ctx={ctx}>Edit {hook.displayName}</Heading>
        <form method="post" action={hookPath(ctx, ["edit"])} class="narrow">
          <HookFields ctx={ctx} form={problem ? ctx.page.form : formOf(hook)} errors={problem?.fields ?? {}} edited={hook} />
          <p class="actions">
            <button>Save</button> <a href={hookPath(ctx)}>Cancel</a>
          </p>
        </form>
      </>
    ),
  });
