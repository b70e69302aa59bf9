import * as z from "zod/mini";
import { defineRoute } from "../http/route.ts";
import { STACK_PATH, stackParams, updateParams } from "../stacks/params.ts";
import { callCoordinator, coordinatorOf, stackCall } from "../coordinator/client.ts";
import { cancelUpdate } from "./cancel.ts";
import { CompleteUpdateRequest, completeUpdate } from "./complete.ts";
import { UpdateProgram, createUpdate } from "./create.ts";
import { deleteStack } from "./delete.ts";
import { importStack } from "./import.ts";
import { eventRoutes } from "./eventRoutes.ts";
import { RenewUpdateLeaseRequest, forward, renewLease } from "./underLease.ts";
import { StartUpdateRequest, startUpdate } from "./start.ts";

const flag = z.optional(z.enum(["true", "false"]));

/** Routes for the whole state of a stack: deletion and import. */
const stateRoutes = [
  defineRoute(
    {
      method: "DELETE",
      path: STACK_PATH,
      operationId: "DeleteStack",
      permission: "stack:delete",
      params: stackParams,
      // The pulumiservice provider sends `forceDestroy` instead of the contract's `force`.
      query: z.object({ force: flag, forceDestroy: flag }),
    },
    (ctx, { params, query }) => deleteStack(ctx, params, query.force === "true" || query.forceDestroy === "true"),
  ),
  defineRoute(
    {
      method: "POST",
      path: `${STACK_PATH}/import`,
      operationId: "ImportStack",
      permission: "stack:import",
      isImport: true,
      params: stackParams,
      body: "stream",
    },
    (ctx, { params, request }) => importStack(ctx, params, request),
  ),
];

/**
 * Routes for one update. A client creates it with its kind in the path. Later calls have `update` in the path for every kind; those of
 * older clients have the kind again (cli-protocol §4.1). So each call has a route for all four kinds.
 */
const lifeOf = <K extends "update" | "preview" | "refresh" | "destroy">(kind: K, Kind: Capitalize<K>) => {
  const UPDATE_PATH = `${STACK_PATH}/${kind}/{updateID}` as const;
  const writes = { permission: "lease", params: updateParams, body: "stream" } as const;
  // For a preview the route exists too, so that the error explains the refusal.
  const unlisted = kind === "preview" ? { extension: true as const } : {};
  return [
    defineRoute(
      {
        method: "POST",
        path: `${STACK_PATH}/${kind}`,
        operationId: `CreateUpdateFor${Kind}`,
        permission: "stack:preview",
        params: stackParams,
        body: UpdateProgram,
        bodyLimit: "config",
      },
      (ctx, { params, body }) => createUpdate(ctx, params, kind, body),
    ),
    defineRoute(
      {
        method: "POST",
        path: UPDATE_PATH,
        operationId: `StartUpdateFor${Kind}`,
        permission: "stack:preview",
        params: updateParams,
        body: StartUpdateRequest,
      },
      (ctx, { params, body }) => startUpdate(ctx, params, params.updateID, body),
    ),
    defineRoute(
      {
        method: "POST",
        path: `${UPDATE_PATH}/cancel`,
        operationId: `CancelUpdate_${kind}`,
        stops: true,
        permission: "stack:cancel_update",
        params: updateParams,
      },
      (ctx, { params }) => cancelUpdate(ctx, params, params.updateID),
    ),
    defineRoute(
      {
        method: "POST",
        path: `${UPDATE_PATH}/renew_lease`,
        operationId: `RenewUpdateLease_${kind}`,
        permission: "lease",
        params: updateParams,
        body: RenewUpdateLeaseRequest,
      },
      (ctx, { body, request }) => renewLease(ctx, body.duration, leaseToken(request)),
    ),
    defineRoute(
      {
        method: "POST",
        path: `${UPDATE_PATH}/complete`,
        operationId: `CompleteUpdate_${kind}`,
        permission: "lease",
        params: updateParams,
        body: CompleteUpdateRequest,
      },
      (ctx, { body }) => completeUpdate(ctx, body.status),
    ),
    defineRoute(
      { ...writes, method: "PATCH", path: `${UPDATE_PATH}/journalentries`, operationId: `CreateJournalEntries_${kind}` },
      (ctx, { request }) => forward(ctx, "journal", request),
    ),
    defineRoute(
      {
        ...writes,
        method: "PATCH",
        path: `${UPDATE_PATH}/checkpoint`,
        operationId: `PatchUpdateCheckpoint_${kind}`,
        ...unlisted,
      },
      (ctx, { request }) => forward(ctx, "checkpoint", request),
    ),
  ];
};

/** Re-encrypts the secrets of the stack's state. */
const reencryptRoute = defineRoute(
  {
    method: "POST",
    path: `${STACK_PATH}/reencrypt`,
    operationId: "ReencryptStack",
    permission: "stack:reencrypt",
    isImport: true,
    params: stackParams,
    extension: true,
  },
  (ctx, { params }) =>
    callCoordinator(ctx, coordinatorOf(ctx, params), (stub) =>
      stub.reencrypt({ ...stackCall(ctx, params), updateId: crypto.randomUUID() }),
    ),
);

const leaseToken = (request: Request) => /^update-token\s+(\S+)/i.exec(request.headers.get("Authorization") ?? "")?.[1] ?? "";

export const updateRoutes = [
  ...stateRoutes,
  ...lifeOf("update", "Update"),
  ...lifeOf("preview", "Preview"),
  ...lifeOf("refresh", "Refresh"),
  ...lifeOf("destroy", "Destroy"),
  ...eventRoutes("update"),
  ...eventRoutes("preview"),
  ...eventRoutes("refresh"),
  ...eventRoutes("destroy"),
  reencryptRoute,
];
