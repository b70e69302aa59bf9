import { defineRoute } from "../http/route.ts";
import { getPackageVersion, listPackages } from "./packages.ts";
import { ListPackagesQuery, packageParams } from "./schema.ts";

/** The current path, and the first path of this API, which CLIs of 2025 use (3.207). */
const paths = [
  { prefix: "/api/registry/packages", suffix: "" },
  { prefix: "/api/preview/registry/packages", suffix: "_preview" },
] as const;

/** Looks up packages in a public registry that the operator sets. It needs a token, so it is not an open proxy (docs/decisions/0010). */
export const registryRoutes = paths.flatMap(({ prefix, suffix }) => [
  defineRoute(
    {
      method: "GET",
      path: prefix,
      operationId: `ListPackages${suffix}`,
      permission: "self",
      query: ListPackagesQuery,
    },
    (ctx, { query }) => listPackages(ctx, query),
  ),
  defineRoute(
    {
      method: "GET",
      path: `${prefix}/{source}/{publisher}/{name}/versions/{version}`,
      operationId: `GetPackageVersion${suffix}`,
      permission: "self",
      params: packageParams,
    },
    (ctx, { params }) => getPackageVersion(ctx, params),
  ),
]);
