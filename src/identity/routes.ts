import { defineRoute } from "../http/route.ts";
import { originOf } from "../http/origin.ts";
import { describe, paths, publishKeys } from "./publish.ts";

const extension = true as const;

export const identityRoutes = [
  defineRoute(
    { method: "GET", path: paths.CONFIGURATION, operationId: "GetOpenIdConfiguration", permission: "public", extension },
    async ({ env }, { request }) => describe(originOf(env, request)),
  ),
  defineRoute({ method: "GET", path: paths.KEYS, operationId: "GetSigningKeys", permission: "public", extension }, publishKeys),
];
