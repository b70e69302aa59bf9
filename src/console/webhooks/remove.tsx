import { deleteWebhook } from "../../webhooks/delete.ts";
import type { Problem } from "../attempt.ts";
import { Field } from "../components.tsx";
import { type View, definePage } from "../page.tsx";
import { Heading, hookView } from "./frame.tsx";
import { destinationOf } from "./list.tsx";
import { type HookContext, type Owner, basePath, hookFor, hookPath, listPath, nameIn, placeIn } from "./place.ts";

export const hookRemovePages = (owner: Owner) => {
  const PAGE = `${basePath(owner)}/webhooks/:hookName/delete` as const;
  const permission = `${owner}_webhook:delete` as const;
  return [
    definePage("GET", PAGE, permission, (ctx: HookContext) => view(ctx)),
    definePage("POST", PAGE, permission, async (ctx: HookContext) => {
      const { displayName } = await hookFor(ctx);
      if ((ctx.page.form["confirmation"] ?? "").trim() !== displayName.trim())
        return view(ctx, { message: "Nothing was deleted.", fields: { confirmation: "This is not the name." } });
      await deleteWebhook(ctx, placeIn(ctx), nameIn(ctx));
      return { to: listPath(ctx), said: `The webhook ${displayName} was deleted.` };
    }),
  ];
};

async function view(ctx: HookContext, problem?: Problem): Promise<View> {
  const { displayName, payloadUrl } = await hookFor(ctx);
  return hookView({
    ctx,
    title: `Delete ${displayName}`,
    problem,
    children: (
      <div class="narrow">
        <Heading ctx={ctx}>Delete {displayName}</Heading>
        <p>
          Nothing more is sent to {destinationOf(payloadUrl)}. The stored secret, the messages that wait and the list of deliveries are
          deleted.
        </p>
        <form method="post" action={hookPath(ctx, ["delete"])}>
          <Field name="confirmation" label={`Type ${displayName} to confirm`} error={problem?.fields["confirmation"]} required />
          <p class="actions">
            <button class="danger">Delete</button> <a href={hookPath(ctx)}>Cancel</a>
          </p>
        </form>
      </div>
    ),
  });
}
