import * as z from "zod/mini";
import { id } from "../http/bounded.ts";
import { defineRoute } from "../http/route.ts";
import { withDescendants } from "../tokens/schema.ts";
import { endSession, revokeSession } from "./end.ts";
import { ListSessionsQuery, listSessions } from "./list.ts";

const extension = true as const;

export const sessionRoutes = [
  defineRoute(
    {
      method: "GET",
      path: "/api/user/sessions",
      operationId: "ListUserSessions",
      permission: "person",
      bounded: true,
      query: ListSessionsQuery,
      extension,
    },
    (ctx, { query }) => listSessions(ctx, query),
  ),
  defineRoute(
    {
      method: "DELETE",
      path: "/api/user/sessions/{sessionId}",
      operationId: "DeleteUserSession",
      stops: true,
      permission: "person",
      bounded: true,
      params: z.object({ sessionId: id }),
      query: z.object({ withDescendants }),
      extension,
    },
    (ctx, { params, query }) => (query.withDescendants ? revokeSession : endSession)(ctx, params.sessionId),
  ),
];
