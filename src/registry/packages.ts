import type * as z from "zod/mini";
import type { ActorContext } from "../context.ts";
import { badRequest, notFound } from "../errors.ts";
import { type ListPackagesQuery, ListPackagesResponse, PackageMetadata, type packageParams } from "./schema.ts";
import { KEPT, readUpstream } from "./upstream.ts";

const PACKAGES = "/api/registry/packages";
const headers = { "Content-Type": "application/json" };

/** The packages of the upstream registry. No organization here has packages of its own. */
export async function listPackages(ctx: ActorContext, query: z.infer<typeof ListPackagesQuery>): Promise<Response> {
  const { orgLogin, visibility, usage: _, ...asked } = query;
  if (orgLogin || visibility === "private") return new Response('{"packages":[]}', { headers });
  const parameters = Object.entries(asked).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const { status, text } = await readUpstream(ctx, PACKAGES, new URLSearchParams(parameters), ListPackagesResponse, KEPT.list);
  if (status !== 200) throw badRequest("the package registry does not accept this query");
  return new Response(text, { headers });
}

/** One version of a package, for the CLI. @throws 404, which the CLI reads as "no such package" */
export async function getPackageVersion(ctx: ActorContext, params: z.infer<typeof packageParams>): Promise<Response> {
  const { source, publisher, name, version } = params;
  const missing = () => notFound(`Package '${source}/${publisher}/${name}@${version}'`);
  // Private packages belong to organizations of the upstream registry.
  if (source === "private") throw missing();
  const path = `${PACKAGES}/${[source, publisher, name, "versions", version].map(encodeURIComponent).join("/")}`;
  const kept = version === "latest" ? KEPT.list : KEPT.version;
  const { status, text } = await readUpstream(ctx, path, new URLSearchParams(), PackageMetadata, kept);
  if (status !== 200) throw missing();
  return new Response(text, { headers });
}
