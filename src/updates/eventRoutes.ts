import { defineRoute } from "../http/route.ts";
import { STACK_PATH, updateParams } from "../stacks/params.ts";
import { forward } from "./underLease.ts";

/** Routes for the events of an update, under its lease (cli-protocol §4.9, §4.12). `history/routes.ts` has the routes that read them. */
export function eventRoutes<K extends "update" | "preview" | "refresh" | "destroy">(kind: K) {
  const UPDATE_PATH = `${STACK_PATH}/${kind}/{updateID}` as const;
  const writes = { method: "POST", permission: "lease", params: updateParams, body: "stream" } as const;
  return [
    defineRoute({ ...writes, path: `${UPDATE_PATH}/events/batch`, operationId: `RecordEngineEventBatch_${kind}` }, (ctx, { request }) =>
      forward(ctx, "events", request),
    ),
    defineRoute({ ...writes, path: `${UPDATE_PATH}/events`, operationId: `RecordEngineEvent_${kind}` }, (ctx, { request }) =>
      forward(ctx, "event", request),
    ),
    defineRoute(
      {
        ...writes,
        path: `${UPDATE_PATH}/log`,
        operationId: `AppendUpdateLogEntry_${kind}`,
      },
      (ctx, { request }) => forward(ctx, "log", request),
    ),
  ];
}
