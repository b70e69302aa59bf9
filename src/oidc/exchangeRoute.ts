import { defineRoute } from "../http/route.ts";
import { loaded } from "../loaded.ts";

const exchange = loaded(() => import("./exchange.ts"));

/** The work reads the body: it is a form or JSON, and each refusal has the members of OAuth. */
export const exchangeRoute = defineRoute(
  { method: "POST", path: "/api/oauth/token", operationId: "Token", permission: "public", body: "stream" },
  async (ctx, { request }) => (await exchange()).exchangeToken(ctx, request),
);
