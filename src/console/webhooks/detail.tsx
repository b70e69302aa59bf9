import { cut } from "../../http/pageText.ts";
import type { Webhook, WebhookDelivery } from "../../webhooks/openapi.ts";
import { listDeliveries, pingWebhook } from "../../webhooks/send.ts";
import { rightOn } from "../../webhooks/webhook.ts";
import { Badge, Copyable, Empty, Notice, Table, Time, partOf } from "../components.tsx";
import { takeOnce } from "../once.ts";
import { type View, definePage } from "../page.tsx";
import { eventsInWords } from "./events.tsx";
import { formats } from "./fields.tsx";
import { Heading, hookView } from "./frame.tsx";
import { HealthBadge, healthOf } from "./health.tsx";
import { destinationOf } from "./list.tsx";
import { type HookContext, type Owner, basePath, hookFor, hookPath, nameIn, placeIn } from "./place.ts";

export const hookDetailPages = (owner: Owner) => {
  const HOOK = `${basePath(owner)}/webhooks/:hookName` as const;
  return [
    definePage("GET", HOOK, `${owner}_webhook:read`, (ctx: HookContext) => view(ctx)),
    definePage("POST", `${HOOK}/ping`, `${owner}_webhook:update`, async (ctx: HookContext) => {
      const { id } = await pingWebhook(ctx, placeIn(ctx), nameIn(ctx));
      return { to: hookPath(ctx, ["deliveries", id]), said: "The test message was sent." };
    }),
    definePage("GET", `${HOOK}/secret`, `${owner}_webhook:update`, (ctx: HookContext) => secretView(ctx)),
  ];
};

async function view(ctx: HookContext): Promise<View> {
  const hook = await hookFor(ctx);
  const place = placeIn(ctx);
  const deliveries = await listDeliveries(ctx, place, hook.name);
  const { sentence } = healthOf(hook);
  return hookView({
    ctx,
    title: hook.displayName,
    children: (
      <>
        <Heading ctx={ctx}>
          {hook.displayName} <HealthBadge of={hook} />
        </Heading>
        {sentence && <Notice kind="warning">{sentence}</Notice>}
        <dl>
          <dt>Destination</dt>
          <dd>{destinationOf(hook.payloadUrl)}</dd>
          <dt>Format</dt>
          <dd>{formats.find(([format]) => format === hook.format)?.[1]}</dd>
          <dt>Events</dt>
          <dd>{cut(eventsInWords(hook).join(", "), 3000)}</dd>
          <dt>Signatures</dt>
          <dd>{hook.hasSecret ? "with a secret" : "none"}</dd>
          {hook.failing && (
            <>
              <dt>Failing since</dt>
              <dd>
                <Time at={Date.parse(hook.failing.since)} />
              </dd>
            </>
          )}
        </dl>
        <Actions ctx={ctx} hook={hook} />
        <h2>Last deliveries</h2>
        <Deliveries ctx={ctx} deliveries={deliveries} />
      </>
    ),
  });
}

const Actions = ({ ctx, hook }: { ctx: HookContext; hook: Webhook }) => {
  const place = placeIn(ctx);
  const mayUpdate = ctx.page.may(rightOn(place, "update"));
  return (
    <div class="actions">
      {mayUpdate && (
        <>
          <Press ctx={ctx} action="ping" label="Send a test message" />
          <Press ctx={ctx} action={hook.active ? "disable" : "enable"} label={hook.active ? "Disable" : "Enable"} />
          <a class="button quiet" href={hookPath(ctx, ["edit"])}>
            Edit…
          </a>
        </>
      )}
      {ctx.page.may(rightOn(place, "delete")) && (
        <a class="button danger" href={hookPath(ctx, ["delete"])}>
          Delete…
        </a>
      )}
    </div>
  );
};

const Press = ({ ctx, action, label }: { ctx: HookContext; action: string; label: string }) => (
  <form method="post" action={hookPath(ctx, [action])}>
    <button class="quiet">{label}</button>
  </form>
);

export const StateBadge = ({ of: { state } }: { of: WebhookDelivery }) => (
  <Badge kind={state === "delivered" ? "good" : state === "failed" ? "bad" : "warning"}>
    {state === "waiting" ? "will be tried again" : state}
  </Badge>
);

const Deliveries = ({ ctx, deliveries }: { ctx: HookContext; deliveries: WebhookDelivery[] }) => {
  const { shown, Parts } = partOf(deliveries, ctx.page.url);
  return deliveries.length === 0 ? (
    <Empty>
      <p>Nothing was sent yet. Messages stay here for a week.</p>
    </Empty>
  ) : (
    <>
      <Table caption="Last deliveries, newest first" head={["Last attempt", "Event", "Result", "Status", "Attempts"]}>
        {shown.map((delivery) => (
          <tr>
            <td>
              <a href={hookPath(ctx, ["deliveries", delivery.id])}>
                <Time at={delivery.timestamp * 1000} exact />
              </a>
            </td>
            <td>{cut(delivery.kind, 100)}</td>
            <td>
              <StateBadge of={delivery} />
              {delivery.error && <div class="hint">{cut(delivery.error, 300)}</div>}
            </td>
            <td>{delivery.responseCode === 0 ? "none" : delivery.responseCode}</td>
            <td>{delivery.attempts}</td>
          </tr>
        ))}
      </Table>
      <Parts />
    </>
  );
};

/** The only page that shows a secret that was made, and only at the first view. */
async function secretView(ctx: HookContext): Promise<View> {
  const shown = await takeOnce(ctx, ctx.page.hono, ctx.actor.token.id);
  const isShown = shown?.id === nameIn(ctx);
  return hookView({
    ctx,
    title: "Secret of the signatures",
    children: (
      <div class="narrow">
        <Heading ctx={ctx}>Secret of the signatures</Heading>
        {isShown ? (
          <>
            <Notice kind="warning">Copy the secret now. It is shown only once and cannot be retrieved later.</Notice>
            <p>The receiver verifies with it that a message of {shown.name} comes from here.</p>
            <Copyable label="Secret" text={shown.value} />
          </>
        ) : (
          <p>The secret is shown once, right after it was made. If you have lost it, edit the webhook and make a new one.</p>
        )}
        <p>
          <a class="button" href={hookPath(ctx)}>
            {isShown ? "I have copied it" : "Back to the webhook"}
          </a>
        </p>
      </div>
    ),
  });
}
