import { healthRoute } from "../operator/healthRoute.ts";
import { identityRoutes } from "../identity/routes.ts";
import { exchangeRoute } from "../oidc/exchangeRoute.ts";
import { stubRoutes } from "../stubs/routes.ts";
import { callerRoutes } from "../users/callerRoutes.ts";

/**
 * The operations that are ready when the Worker starts: the first calls of every command, and those outside of `/api`. What these modules import
 * is evaluated before the first answer of each isolate, so they import little.
 */
export const coreRoutes = [...stubRoutes, healthRoute, ...callerRoutes, exchangeRoute, ...identityRoutes];
