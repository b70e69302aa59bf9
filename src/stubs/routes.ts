import { notFound } from "../errors.ts";
import { defineRoute } from "../http/route.ts";

/** The capabilities of this service (cli-protocol §2.4, §10). Journaling is not one of them: it is granted for each update. */
const capabilities = [
  { capability: "batch-encrypt" },
  { capability: "deployment-schema-version", version: 1, configuration: { version: 4 } },
];

const getCapabilities = defineRoute(
  {
    method: "GET",
    path: "/api/capabilities",
    operationId: "Capabilities",
    permission: "public",
  },
  async () => ({ capabilities }),
);

/** `pulumi new` reads this list and fails without it (cli-protocol §6.2). */
const listTemplates = defineRoute(
  {
    method: "GET",
    path: "/api/registry/templates",
    operationId: "ListTemplates",
    permission: "self",
  },
  async () => ({ templates: [] }),
);

const listOrgTemplates = defineRoute(
  {
    method: "GET",
    path: "/api/orgs/{orgName}/templates",
    operationId: "GetOrgTemplates",
    permission: "organization:read",
  },
  async () => ({ templates: {}, orgHasTemplates: false, hasAccessError: false, hasUpstreamError: false }),
);

/** This service has no policies. Clients of policies read these lists first (cli-protocol §7). */
const listPolicyGroups = defineRoute(
  {
    method: "GET",
    path: "/api/orgs/{orgName}/policygroups",
    operationId: "ListPolicyGroups",
    permission: "organization:read",
  },
  async () => ({ policyGroups: [] }),
);

const listPolicyPacks = defineRoute(
  {
    method: "GET",
    path: "/api/orgs/{orgName}/policypacks",
    operationId: "ListPolicyPacks_orgs",
    permission: "organization:read",
  },
  async () => ({ policyPacks: [] }),
);

/** The document that `npm run openapi` generates from the routes; `pulumi api` reads it. */
const getOpenApi = defineRoute(
  {
    method: "GET",
    path: "/api/openapi/pulumi-spec.json",
    operationId: "FetchRestSpecification",
    permission: "public",
  },
  async ({ env }, { request }) => {
    const asset = await env.ASSETS.fetch(new URL("/openapi.json", request.url));
    if (!asset.ok) throw notFound("OpenAPI document");
    return new Response(asset.body, { headers: { "Content-Type": "application/json" } });
  },
);

export const stubRoutes = [getCapabilities, listTemplates, listOrgTemplates, listPolicyGroups, listPolicyPacks, getOpenApi];
