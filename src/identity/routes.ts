import { defineRoute } from "../http/route.ts";
import { describe, paths, publishKeys } from "./publish.ts";

const extension = true as const;

export const identityRoutes = [
  defineRoute(
    { method: "GET", path: paths.CONFIGURATION, operationId: "GetOpenIdConfiguration", permission: "public", extension },
    async (_, { request }) => describe(new URL(request.url).origin),
  ),
  defineRoute({ method: "GET", path: paths.KEYS, operationId: "GetSigningKeys", permission: "public", extension }, publishKeys),
];
