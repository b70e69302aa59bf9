import * as z from "zod/mini";
import { id } from "../http/bounded.ts";
import { orgName } from "../http/names.ts";
import { originOf } from "../http/origin.ts";
import { defineRoute } from "../http/route.ts";
import { pauseStream, restartStream, resumeStream } from "./control.ts";
import { createStream } from "./create.ts";
import { deleteStream } from "./delete.ts";
import { CreateStreamRequest, RestartStreamRequest, UpdateStreamRequest } from "./schema.ts";
import { getStream, listStreams } from "./stream.ts";
import { testStream } from "./sendTest.ts";
import { updateStream } from "./update.ts";

const STREAMS = "/api/orgs/{orgName}/audit-streams" as const;
const STREAM = `${STREAMS}/{streamId}` as const;
const org = z.object({ orgName });
const stream = z.object({ orgName, streamId: id });
const extension = true as const;
/** Every edition includes it: an organization whose edition no longer includes exports can find its streams, pause and delete them. */
const sees = "audit_streams:read" as const;
const changes = "audit_streams:update" as const;

export const streamRoutes = [
  defineRoute({ method: "GET", path: STREAMS, operationId: "ListAuditStreams", permission: sees, params: org, extension }, listStreams),
  defineRoute(
    {
      method: "POST",
      path: STREAMS,
      operationId: "CreateAuditStream",
      permission: changes,
      params: org,
      body: CreateStreamRequest,
      extension,
    },
    (ctx, { body, request }) => createStream(ctx, body, originOf(ctx.env, request)),
  ),
  defineRoute(
    { method: "GET", path: STREAM, operationId: "GetAuditStream", permission: sees, params: stream, extension },
    (ctx, { params }) => getStream(ctx, params.streamId),
  ),
  defineRoute(
    {
      method: "PATCH",
      path: STREAM,
      operationId: "UpdateAuditStream",
      permission: changes,
      params: stream,
      body: UpdateStreamRequest,
      extension,
    },
    (ctx, { params, body, request }) => updateStream(ctx, params.streamId, body, originOf(ctx.env, request)),
  ),
  defineRoute(
    { method: "DELETE", path: STREAM, operationId: "DeleteAuditStream", permission: changes, params: stream, extension },
    (ctx, { params }) => deleteStream(ctx, params.streamId),
  ),
  defineRoute(
    { method: "POST", path: `${STREAM}/test`, operationId: "TestAuditStream", permission: changes, params: stream, extension },
    (ctx, { params }) => testStream(ctx, params.streamId),
  ),
  defineRoute(
    { method: "POST", path: `${STREAM}/pause`, operationId: "PauseAuditStream", permission: changes, params: stream, extension },
    (ctx, { params }) => pauseStream(ctx, params.streamId),
  ),
  defineRoute(
    { method: "POST", path: `${STREAM}/resume`, operationId: "ResumeAuditStream", permission: changes, params: stream, extension },
    (ctx, { params }) => resumeStream(ctx, params.streamId),
  ),
  defineRoute(
    {
      method: "POST",
      path: `${STREAM}/restart`,
      operationId: "RestartAuditStream",
      permission: changes,
      params: stream,
      body: RestartStreamRequest,
      extension,
    },
    (ctx, { params, body }) => restartStream(ctx, params.streamId, body.from),
  ),
];
