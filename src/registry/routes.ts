import { defineRoute } from "../http/route.ts";
import { getPackageVersion, listPackages } from "./packages.ts";
import { ListPackagesQuery, packageParams } from "./schema.ts";

/** Under its first path too, which CLIs of 2025 ask (3.207). */
const paths = [
  { prefix: "/api/registry/packages", suffix: "" },
  { prefix: "/api/preview/registry/packages", suffix: "_preview" },
] as const;

/** A package is looked up in a public registry that the operator names. Only for callers with a token: this is no open proxy (docs/decisions/0010). */
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
