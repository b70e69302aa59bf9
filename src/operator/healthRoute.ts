import { defineRoute } from "../http/route.ts";
import { loaded } from "../loaded.ts";

const health = loaded(() => import("./health.ts"));

export const healthRoute = defineRoute(
  {
    method: "GET",
    path: "/healthz",
    operationId: "Health",
    permission: "public",
    extension: true,
  },
  async (ctx) => {
    const { readHealth } = await health();
    const read = await readHealth(ctx);
    if (read.status !== "failed") return read;
    return Response.json({ code: 503, message: "Service Unavailable: not ready", ...read }, { status: 503 });
  },
);
