import type { PageInput } from "./page.tsx";

const MOVED = "moved";

/**
 * Where to continue a page that leads to an identity provider: the provider sends the browser to the public address, and the cookie of the
 * sign-in must be there. Undefined if the page can continue here. Behind a proxy the Worker may never see the public host, so the browser
 * is sent there once.
 */
export function atPublicAddress({ url, query, hono }: PageInput): string | undefined {
  if (new URL(hono.req.url).origin === url.origin || query.has(MOVED)) return undefined;
  const there = new URL(url);
  there.searchParams.set(MOVED, "true");
  return there.href;
}
