import type * as z from "zod/mini";
import type { RequestContext } from "../context.ts";
import { AppError, badRequest, unavailable } from "../errors.ts";
import { OutgoingFault, callOut } from "../http/outgoing.ts";
import { logError } from "../log.ts";

/** Limits for an answer of the upstream registry, in bytes and milliseconds. A page of the list has 500 packages of about 2 KB. */
const limits = { most: 8 * 1024 * 1024, within: 10_000 };

/** Seconds for which the cache of the location keeps an answer. A version never changes; a list and `latest` do. */
export const KEPT = { version: 3600, list: 300, missing: 60 } as const;

export interface UpstreamAnswer {
  status: number;
  text: string;
}

/** URL of the upstream registry; undefined if the operator has switched the look-up off. */
const upstreamOf = ({ env }: RequestContext): string | undefined => (env.REGISTRY_UPSTREAM as string).replace(/\/+$/, "") || undefined;

/** A 403, because after a 404 the CLI only says that the package was not found. */
const switchedOff = () =>
  new AppError(
    403,
    "Forbidden: this service does not look up packages, because its operator has set no upstream registry (REGISTRY_UPSTREAM). Install the package's plugin by its URL. See docs/compatibility.md.",
    { reason: "other" },
  );

/**
 * Reads a path from the cache of the location or else from the upstream registry. The request to it contains the path and the parameters,
 * and no data of the caller.
 * @throws 403 without an upstream registry, 503 when its answer is not valid
 */
export async function readUpstream(
  ctx: RequestContext,
  path: string,
  query: URLSearchParams,
  schema: z.ZodMiniType,
  kept: number,
): Promise<UpstreamAnswer> {
  const upstream = upstreamOf(ctx);
  if (!upstream) throw switchedOff();
  query.sort();
  const address = `${upstream}${path}${query.size > 0 ? `?${query.toString()}` : ""}`;
  const key = `https://registry-cache.invalid/${encodeURIComponent(address)}`;
  const found = await caches.default.match(key).catch(() => undefined);
  if (found) return { status: found.status, text: await found.text() };
  const answer = await ask(ctx, address, schema);
  const seconds = answer.status === 200 ? kept : KEPT.missing;
  const entry = new Response(answer.text, { status: answer.status, headers: { "Cache-Control": `public, max-age=${seconds}` } });
  ctx.background("registry cache", () => caches.default.put(key, entry));
  return answer;
}

async function ask(ctx: RequestContext, address: string, schema: z.ZodMiniType): Promise<UpstreamAnswer> {
  const fail = (error: unknown) => {
    logError("package registry failed", error, { requestId: ctx.requestId });
    return unavailable("the package registry");
  };
  let answer;
  try {
    answer = await callOut(ctx.env, address, limits, { headers: { Accept: "application/json" } });
  } catch (error) {
    throw fail(error instanceof OutgoingFault ? `${error.reason}: ${error.message}` : error);
  }
  // The request has no credential, so the registry may answer 401 or 403 for a package that is not public.
  if ([401, 403, 404].includes(answer.status)) return { status: 404, text: "" };
  if (answer.status === 400) throw badRequest("the package registry does not accept this query");
  if (answer.status !== 200) throw fail(`it answered ${answer.status}`);
  const text = new TextDecoder().decode(answer.body);
  const { success } = schema.safeParse(tryParse(text));
  if (!success) throw fail("its answer does not match the API's schema");
  return { status: 200, text };
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
