import * as z from "zod/mini";
import { sql } from "drizzle-orm";
import type { RequestContext } from "../context.ts";
import { type Store, batch, openStore } from "../db/client.ts";
import { everyPlace } from "../db/places.ts";
import { notFound } from "../errors.ts";
import { text } from "../http/bounded.ts";
import { defineRoute } from "../http/route.ts";
import { organizations } from "../orgs/table.ts";
import { healthRoute } from "./healthRoute.ts";
import { readNumbers } from "./numbers.ts";
import { type OrganizationNumbers, readOrganizationNumbers } from "./organization.ts";
import { prometheusText } from "./prometheus.ts";

export const operatorRoutes = [
  healthRoute,
  defineRoute(
    {
      method: "GET",
      path: "/api/metrics",
      operationId: "Metrics",
      permission: "operator",
      query: z.object({ organization: z.optional(text(200)) }),
      extension: true,
    },
    async (ctx, { query, request }) => {
      const [numbers, organization] = await Promise.all([
        readNumbers(ctx),
        query.organization === undefined ? undefined : organizationNamed(ctx, query.organization),
      ]);
      if (/^application\/json\b/i.test(request.headers.get("Accept") ?? "")) return Response.json({ ...numbers, organization });
      const headers = { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" };
      return new Response(prometheusText(numbers, ctx.now, organization), { headers });
    },
  ),
];

/** Returns metrics of one organization at a time, because the cost of a request must not depend on the number of organizations. */
async function organizationNamed({ env, now }: RequestContext, name: string): Promise<OrganizationNumbers & { name: string }> {
  const found = await Promise.all(everyPlace(env).map((at) => inPlace(openStore(at), name, now)));
  const numbers = found.find((one) => one !== undefined);
  if (!numbers) throw notFound(`Organization '${name.slice(0, 100)}'`);
  return numbers;
}

async function inPlace(store: Store, name: string, now: number): Promise<(OrganizationNumbers & { name: string }) | undefined> {
  const [rows] = await batch(store, [
    store.db
      .select({ id: organizations.id, name: organizations.name })
      .from(organizations)
      .where(sql`lower(${organizations.name}) = lower(${name})`),
  ]);
  return rows[0] && { ...(await readOrganizationNumbers(store, rows[0].id, now)), name: rows[0].name };
}
