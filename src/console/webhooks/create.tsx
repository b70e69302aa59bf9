import { createWebhook } from "../../webhooks/create.ts";
import { WebhookRequest } from "../../webhooks/schema.ts";
import { type Problem, attempt, readForm } from "../attempt.ts";
import { keepOnce } from "../once.ts";
import { type View, definePage } from "../page.tsx";
import { HookFields, requestOf } from "./fields.tsx";
import { Heading, hookView } from "./frame.tsx";
import { type HookContext, type Owner, basePath, hookPath, hostOf, listPath, newPath, placeIn } from "./place.ts";

export const hookCreatePages = (owner: Owner) => [
  definePage("GET", `${basePath(owner)}/new-webhook`, `${owner}_webhook:create`, async (ctx: HookContext) => view(ctx)),
  definePage("POST", `${basePath(owner)}/new-webhook`, `${owner}_webhook:create`, async (ctx: HookContext) => {
    const body = readForm(WebhookRequest, requestOf(ctx));
    const made = "problem" in body ? body : await attempt(() => createWebhook(ctx, placeIn(ctx), body.value, hostOf(ctx)));
    if ("problem" in made) return view(ctx, made.problem);
    const { name, displayName, secret } = made.value;
    if (secret === undefined) return { to: hookPath(ctx, [], name), said: "The webhook was added." };
    await keepOnce(ctx, ctx.page.hono, ctx.actor.token.id, { id: name, name: displayName, value: secret });
    return { to: hookPath(ctx, ["secret"], name), said: null };
  }),
];

const view = (ctx: HookContext, problem?: Problem): View =>
  hookView({
    ctx,
    title: "Add a webhook",
    problem,
    children: (
      <>
        <Heading ctx={ctx}>Add a webhook</Heading>
        <form method="post" action={newPath(ctx)} class="narrow">
          <HookFields ctx={ctx} form={problem ? ctx.page.form : {}} errors={problem?.fields ?? {}} />
          <p class="actions">
            <button>Add webhook</button> <a href={listPath(ctx)}>Cancel</a>
          </p>
        </form>
      </>
    ),
  });
