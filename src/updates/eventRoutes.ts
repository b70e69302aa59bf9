import { defineRoute } from "../http/route.ts";
import { STACK, updateParams } from "../stacks/path.ts";
import { EngineEventsQuery, getEngineEvents } from "../history/getEvents.ts";
import { forward } from "./underLease.ts";

/** What an update says about itself, told under its lease and read by whoever may read the stack (cli-protocol §4.9, §4.12). */
export function eventRoutes(kind: "update" | "preview" | "refresh" | "destroy") {
  const X = `${STACK}/${kind}/{updateID}` as const;
  const writes = { method: "POST", permission: "lease", params: updateParams, body: "stream" } as const;
  return [
    defineRoute(
      {
        method: "GET",
        path: `${X}/events`,
        operationId: `GetEngineEvents_${kind}`,
        permission: "stack:read",
        params: updateParams,
        query: EngineEventsQuery,
      },
      (ctx, { params, query }) => getEngineEvents(ctx, params, params.updateID, query),
    ),
    defineRoute({ ...writes, path: `${X}/events/batch`, operationId: `RecordEngineEventBatch_${kind}` }, (ctx, { request }) =>
      forward(ctx, "events", request),
    ),
    defineRoute({ ...writes, path: `${X}/events`, operationId: `RecordEngineEvent_${kind}` }, (ctx, { request }) =>
      forward(ctx, "event", request),
    ),
    defineRoute(
      {
        ...writes,
        path: `${X}/log`,
        operationId: `AppendUpdateLogEntry_${kind}`,
      },
      (ctx, { request }) => forward(ctx, "log", request),
    ),
  ];
}
