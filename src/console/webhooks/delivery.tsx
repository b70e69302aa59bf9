import { notFound } from "../../errors.ts";
import { cut } from "../../http/pageText.ts";
import type { WebhookDelivery } from "../../webhooks/openapi.ts";
import { listDeliveries, redeliverEvent } from "../../webhooks/send.ts";
import { rightOn } from "../../webhooks/webhook.ts";
import { type Problem, attempt } from "../attempt.ts";
import { Notice, Time } from "../components.tsx";
import { type View, definePage } from "../page.tsx";
import { StateBadge } from "./detail.tsx";
import { Heading, hookView } from "./frame.tsx";
import { type HookContext, type Owner, basePath, hookFor, hookPath, nameIn, placeIn } from "./place.ts";

/** Maximum number of bytes of one text of a message, so that no page is over 100 KB. */
const MOST_BYTES = 18_000;

export const deliveryPages = (owner: Owner) => {
  const DELIVERY = `${basePath(owner)}/webhooks/:hookName/deliveries/:event` as const;
  return [
    definePage("GET", DELIVERY, `${owner}_webhook:read`, (ctx: HookContext) => view(ctx)),
    definePage("POST", `${DELIVERY}/redeliver`, `${owner}_webhook:update`, async (ctx: HookContext) => {
      const done = await attempt(() => redeliverEvent(ctx, placeIn(ctx), nameIn(ctx), eventIn(ctx)));
      return "problem" in done ? view(ctx, done.problem) : { to: deliveryPath(ctx), said: "The message was sent again." };
    }),
  ];
};

const eventIn = ({ page }: HookContext) => page.params["event"] ?? "";
const deliveryPath = (ctx: HookContext, ...rest: string[]) => hookPath(ctx, ["deliveries", eventIn(ctx), ...rest]);

async function view(ctx: HookContext, problem?: Problem): Promise<View> {
  const place = placeIn(ctx);
  const { displayName, active } = await hookFor(ctx);
  const delivery = (await listDeliveries(ctx, place, nameIn(ctx))).find(({ id }) => id === eventIn(ctx));
  if (!delivery) throw notFound("Delivery");
  const mayRedeliver = active && ctx.page.may(rightOn(place, "update"));
  return hookView({
    ctx,
    title: `Delivery of ${displayName}`,
    problem,
    children: (
      <>
        <Heading ctx={ctx}>
          {cut(delivery.kind, 100)} <StateBadge of={delivery} />
        </Heading>
        <p>
          A message of <a href={hookPath(ctx)}>{displayName}</a>
        </p>
        {delivery.error && <Notice kind="warning">{delivery.error}</Notice>}
        <Facts delivery={delivery} />
        {mayRedeliver && (
          <form method="post" action={deliveryPath(ctx, "redeliver")}>
            <button class="quiet">Send it again</button>
          </form>
        )}
        <h2>Request</h2>
        <Text label="Headers of the request" text={`POST ${delivery.requestUrl}\n${delivery.requestHeaders}`} />
        <Text label="Body of the request" text={delivery.payload} />
        <h2>Response</h2>
        {delivery.responseCode === 0 ? (
          <p>There was no response.</p>
        ) : (
          <>
            <Text label="Headers of the response" text={delivery.responseHeaders} />
            <Text label="Body of the response" text={delivery.responseBody} />
          </>
        )}
      </>
    ),
  });
}

const Facts = ({ delivery: { id, timestamp, duration, attempts, responseCode, nextAttempt } }: { delivery: WebhookDelivery }) => (
  <dl>
    <dt>Id</dt>
    <dd class="mono anywhere">{id}</dd>
    <dt>Last attempt</dt>
    <dd>
      <Time at={timestamp * 1000} exact />, {duration} ms
    </dd>
    <dt>Attempts</dt>
    <dd>{attempts}</dd>
    <dt>Status</dt>
    <dd>{responseCode === 0 ? "none" : responseCode}</dd>
    {nextAttempt && (
      <>
        <dt>Next attempt</dt>
        <dd>
          <Time at={Date.parse(nextAttempt)} exact />
        </dd>
      </>
    )}
  </dl>
);

const Text = ({ label, text }: { label: string; text: string }) => (
  <figure class="copyable">
    <figcaption>{label}</figcaption>
    <pre tabindex={0}>{text.trim() === "" ? "(empty)" : cut(text.replaceAll("\r", ""), MOST_BYTES)}</pre>
  </figure>
);
