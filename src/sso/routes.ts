import * as z from "zod/mini";
import { id, text } from "../http/bounded.ts";
import { orgName } from "../http/names.ts";
import { originOf } from "../http/origin.ts";
import { defineRoute } from "../http/route.ts";
import { ListAuthorizationsQuery, listAuthorizations, removeAuthorization } from "./authorizations.ts";
import { createConnection, deleteConnection, getConnection, listConnections, updateConnection } from "./connections.ts";
import { addDomain, listDomains, removeDomain, verifyDomain } from "./domains.ts";
import { ListIdentitiesQuery, listIdentities, removeIdentity } from "./identities.ts";
import { getSamlOrganization, updateSamlOrganization } from "./samlOrganization.ts";
import {
  AddDomainRequest,
  CreateConnectionRequest,
  UpdateConnectionRequest,
  UpdateSamlOrganizationRequest,
  UpdateSsoSettingsRequest,
} from "./schema.ts";
import { reencryptSecrets } from "./reencrypt.ts";
import { getSsoSettings, updateSsoSettings } from "./settings.ts";

const SSO = "/api/orgs/{orgName}/sso" as const;
const SAML = "/api/orgs/{orgName}/saml" as const;
const CONNECTION = `${SSO}/connections/{connectionId}` as const;
const DOMAIN = `${SSO}/domains/{domain}` as const;
const org = z.object({ orgName });
const connection = z.object({ orgName, connectionId: id });
const domain = z.object({ orgName, domain: text(253) });
/**
 * Only administrators who are people have the right, because the caller that sets up a connection decides who can enter the organization.
 */
const permission = "organization:set_access" as const;
const extension = true as const;

export const ssoRoutes = [
  defineRoute(
    { method: "GET", path: `${SSO}/connections`, operationId: "ListSsoConnections", permission, params: org, extension },
    (ctx, { request }) => listConnections(ctx, originOf(ctx.env, request)),
  ),
  defineRoute(
    {
      method: "POST",
      path: `${SSO}/connections`,
      operationId: "CreateSsoConnection",
      permission,
      params: org,
      body: CreateConnectionRequest,
      extension,
    },
    (ctx, { body, request }) => createConnection(ctx, body, originOf(ctx.env, request)),
  ),
  defineRoute(
    { method: "GET", path: CONNECTION, operationId: "GetSsoConnection", permission, params: connection, extension },
    (ctx, { params, request }) => getConnection(ctx, params.connectionId, originOf(ctx.env, request)),
  ),
  defineRoute(
    {
      method: "PATCH",
      path: CONNECTION,
      operationId: "UpdateSsoConnection",
      stops: true,
      permission,
      params: connection,
      body: UpdateConnectionRequest,
      extension,
    },
    (ctx, { params, body, request }) => updateConnection(ctx, params.connectionId, body, originOf(ctx.env, request)),
  ),
  defineRoute(
    { method: "DELETE", path: CONNECTION, operationId: "DeleteSsoConnection", stops: true, permission, params: connection, extension },
    (ctx, { params }) => deleteConnection(ctx, params.connectionId),
  ),
  defineRoute({ method: "GET", path: SAML, operationId: "GetSAMLOrganization", permission, params: org }, getSamlOrganization),
  defineRoute(
    { method: "PATCH", path: SAML, operationId: "UpdateSAMLOrganization", permission, params: org, body: UpdateSamlOrganizationRequest },
    (ctx, { body, request }) => updateSamlOrganization(ctx, body, originOf(ctx.env, request)),
  ),
  defineRoute({ method: "GET", path: `${SSO}/domains`, operationId: "ListSsoDomains", permission, params: org, extension }, listDomains),
  defineRoute(
    { method: "POST", path: `${SSO}/domains`, operationId: "AddSsoDomain", permission, params: org, body: AddDomainRequest, extension },
    (ctx, { body }) => addDomain(ctx, body.domain),
  ),
  defineRoute(
    { method: "POST", path: `${DOMAIN}/verify`, operationId: "VerifySsoDomain", permission, params: domain, extension },
    (ctx, { params }) => verifyDomain(ctx, params.domain.toLowerCase()),
  ),
  defineRoute(
    { method: "DELETE", path: DOMAIN, operationId: "RemoveSsoDomain", stops: true, permission, params: domain, extension },
    (ctx, { params }) => removeDomain(ctx, params.domain.toLowerCase()),
  ),
  defineRoute(
    {
      method: "GET",
      path: `${SSO}/identities`,
      operationId: "ListSsoIdentities",
      permission,
      params: org,
      query: ListIdentitiesQuery,
      extension,
    },
    (ctx, { query }) => listIdentities(ctx, query),
  ),
  defineRoute(
    {
      method: "DELETE",
      path: `${SSO}/identities/{identityId}`,
      operationId: "RemoveSsoIdentity",
      stops: true,
      permission,
      params: z.object({ orgName, identityId: id }),
      extension,
    },
    (ctx, { params }) => removeIdentity(ctx, params.identityId),
  ),
  defineRoute(
    { method: "GET", path: `${SSO}/settings`, operationId: "GetSsoSettings", permission, params: org, extension },
    getSsoSettings,
  ),
  defineRoute(
    {
      method: "PATCH",
      path: `${SSO}/settings`,
      operationId: "UpdateSsoSettings",
      permission,
      params: org,
      body: UpdateSsoSettingsRequest,
      extension,
    },
    (ctx, { body }) => updateSsoSettings(ctx, body),
  ),
  defineRoute(
    {
      method: "GET",
      path: `${SSO}/authorizations`,
      operationId: "ListSsoTokenAuthorizations",
      permission,
      params: org,
      query: ListAuthorizationsQuery,
      extension,
    },
    (ctx, { query }) => listAuthorizations(ctx, query),
  ),
  defineRoute(
    {
      method: "DELETE",
      path: `${SSO}/authorizations/{tokenId}`,
      operationId: "RemoveSsoTokenAuthorization",
      stops: true,
      permission,
      params: z.object({ orgName, tokenId: id }),
      extension,
    },
    (ctx, { params }) => removeAuthorization(ctx, params.tokenId),
  ),
  defineRoute(
    {
      method: "POST",
      path: "/api/orgs/{orgName}/reencrypt",
      operationId: "ReencryptOrganizationSecrets",
      permission: "stack:reencrypt",
      params: org,
      extension,
    },
    (ctx) => reencryptSecrets(ctx),
  ),
];
