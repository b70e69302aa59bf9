import { cut } from "../../http/pageText.ts";
import { listWebhooks, rightOn } from "../../webhooks/webhook.ts";
import { Empty, Table } from "../components.tsx";
import { definePage } from "../page.tsx";
import { formats } from "./fields.tsx";
import { Heading, hookView } from "./frame.tsx";
import { HealthBadge, healthOf } from "./health.tsx";
import { type HookContext, type Owner, basePath, hookPath, newPath, placeIn } from "./place.ts";

export const hookListPage = (owner: Owner) =>
  definePage("GET", `${basePath(owner)}/webhooks`, `${owner}_webhook:read`, async (ctx: HookContext) => {
    const place = placeIn(ctx);
    const hooks = await listWebhooks(ctx, place);
    const mayAdd = ctx.page.may(rightOn(place, "create"));
    return hookView({
      ctx,
      title: "Webhooks",
      isList: true,
      children: (
        <>
          <div class="heading">
            <Heading ctx={ctx}>Webhooks</Heading>
            {mayAdd && (
              <a class="button" href={newPath(ctx)}>
                Add webhook
              </a>
            )}
          </div>
          <p class="faint">
            A webhook tells an address or a chat what happens{place ? " to this stack" : " in the organization and on all of its stacks"}.
          </p>
          {hooks.length === 0 ? (
            <Empty>
              <p>No webhooks yet.</p>
              {mayAdd && <a href={newPath(ctx)}>Add the first webhook</a>}
            </Empty>
          ) : (
            <Table caption="Webhooks" head={["Name", "Destination", "Format", "State"]}>
              {hooks.map((hook) => (
                <tr>
                  <th scope="row">
                    <a href={hookPath(ctx, [], hook.name)}>{cut(hook.displayName, 200)}</a>
                  </th>
                  <td class="anywhere">{cut(destinationOf(hook.payloadUrl), 200)}</td>
                  <td>{formats.find(([format]) => format === hook.format)?.[1]}</td>
                  <td>
                    <HealthBadge of={hook} />
                    {healthOf(hook).sentence && <div class="hint">{cut(healthOf(hook).sentence!, 300)}</div>}
                  </td>
                </tr>
              ))}
            </Table>
          )}
        </>
      ),
    });
  });

/** Only the host: the rest of the address may be a credential, and a list is seen by many. */
export const destinationOf = (payloadUrl: string) => new URL(payloadUrl).host;
