import type * as z from "zod/mini";
import type { RequestContext } from "../context.ts";
import { AppError, badRequest, unavailable } from "../errors.ts";
import { OutgoingFault, callOut } from "../http/outgoing.ts";
import { logError } from "../log.ts";

/** Of an answer of the upstream: a page of the list has 500 packages of some 2 KB. */
const limits = { most: 8 * 1024 * 1024, within: 10_000 };

/** Seconds for which an answer is kept, in the cache of the location. A version never changes; a list and `latest` do. */
export const KEPT = { version: 3600, list: 300, missing: 60 } as const;

export interface UpstreamAnswer {
  status: number;
  text: string;
}

/** Where packages are looked up; undefined where the operator has switched that off. */
const upstreamOf = ({ env }: RequestContext): string | undefined => (env.REGISTRY_UPSTREAM as string).replace(/\/+$/, "") || undefined;

/** Not 404: the CLI would only say that the package was not found. */
const switchedOff = () =>
  new AppError(
    403,
    "Forbidden: this service looks up no packages, because its operator has set no upstream registry (REGISTRY_UPSTREAM). Install the package's plugin by its URL. See docs/compatibility.md.",
    { reason: "other" },
  );

/**
 * Reads a path of the registry through to the upstream, past the cache of the location. It carries the path and the parameters, and nothing
 * of the caller. @throws 403 where there is no upstream, 503 where it does not answer as it should
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
  // Without a credential a package that is not public is one that is not there.
  if ([401, 403, 404].includes(answer.status)) return { status: 404, text: "" };
  if (answer.status === 400) throw badRequest("the package registry does not know this query");
  if (answer.status !== 200) throw fail(`it answered ${answer.status}`);
  const text = new TextDecoder().decode(answer.body);
  const { success } = schema.safeParse(tryParse(text));
  if (!success) throw fail("its answer is not as the API describes it");
  return { status: 200, text };
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
