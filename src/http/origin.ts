import type { Bindings } from "../env.ts";

type Setting = Pick<Bindings, "PUBLIC_URL">;

/**
 * The address of this deployment, without a slash at its end: the setting `PUBLIC_URL`, or else the address of the request. What other systems keep
 * (links in mails, redirect addresses, the issuer) begins with it.
 */
export const originOf = ({ PUBLIC_URL = "" }: Setting, { url }: { url: string }): string => new URL(PUBLIC_URL || url).origin;

/** The URL of a request under the address of this deployment. */
export function publicUrlOf(env: Setting, request: { url: string }): URL {
  const { pathname, search } = new URL(request.url);
  return new URL(originOf(env, request) + pathname + search);
}
