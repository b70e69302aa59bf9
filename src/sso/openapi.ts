import * as z from "zod/mini";
import type { Operations } from "../http/openapi.ts";
import { ssoRequirements } from "../orgs/table.ts";
import { connectionKinds, firstRoles } from "./table.ts";

const Connection = z.object({
  id: z.string(),
  kind: z.enum(connectionKinds),
  name: z.string(),
  issuer: z.string(),
  clientId: z.string(),
  /** Domains whose people may join by themselves, if the organization has proved them. */
  allowedDomains: z.array(z.string()),
  firstRole: z.enum(firstRoles),
  groupClaim: z.string(),
  groupScope: z.string(),
  groupMappings: z.array(
    z.union([z.object({ group: z.string(), team: z.string() }), z.object({ group: z.string(), role: z.literal("admin") })]),
  ),
  enabled: z.boolean(),
  /** The address to register at the provider. */
  redirectUri: z.string(),
  /** Only of a connection by SAML. */
  saml: z.optional(
    z.object({
      /** The metadata of this server. */
      metadataUrl: z.string(),
      /** Where requests for a sign-in go. */
      ssoUrl: z.string(),
      idpInitiated: z.boolean(),
      /** When the last certificate of the provider expires. */
      validUntil: z.string(),
    }),
  ),
  created: z.string(),
  modified: z.string(),
});
export type Connection = z.infer<typeof Connection>;

const Domain = z.object({
  domain: z.string(),
  /** The record that proves the domain. */
  record: z.object({ name: z.string(), type: z.literal("TXT"), value: z.string() }),
  proven: z.boolean(),
  provenAt: z.optional(z.string()),
  created: z.string(),
});
export type Domain = z.infer<typeof Domain>;

const ListIdentitiesResponse = z.object({
  identities: z.array(
    z.object({
      id: z.string(),
      /** Name of the connection. */
      connection: z.string(),
      subject: z.string(),
      email: z.optional(z.string()),
      userLogin: z.string(),
      created: z.string(),
      lastSignIn: z.string(),
    }),
  ),
  continuationToken: z.optional(z.string()),
});
export type ListIdentitiesResponse = z.infer<typeof ListIdentitiesResponse>;

const ReencryptedSecrets = z.object({
  reencrypted: z.int(),
  /** Encrypted with the current master key already. */
  untouched: z.int(),
  /** Encrypted with a master key that is not in the settings any more: set them again. */
  unreadable: z.int(),
});
export type ReencryptedSecrets = z.infer<typeof ReencryptedSecrets>;

const SsoSettings = z.object({
  required: z.enum(ssoRequirements),
  /** Days after a sign-in in which personal tokens work; 0 for no limit. */
  reauthDays: z.int(),
  /** Longest session. */
  sessionHours: z.int(),
  /** Logins of administrators who need no single sign-on. */
  emergencyAdmins: z.array(z.string()),
});
export type SsoSettings = z.infer<typeof SsoSettings>;

const ListTokenAuthorizationsResponse = z.object({
  authorizations: z.array(
    z.object({ tokenId: z.string(), userLogin: z.string(), description: z.string(), authorized: z.string(), lastSignIn: z.string() }),
  ),
  continuationToken: z.optional(z.string()),
});
export type ListTokenAuthorizationsResponse = z.infer<typeof ListTokenAuthorizationsResponse>;

const SamlOrganization = z.object({
  organization: z.object({ githubLogin: z.string(), name: z.string(), avatarUrl: z.string(), repos: z.array(z.never()) }),
  /** The metadata as they were sent; "" while there is no connection by SAML. */
  idpSsoDescriptor: z.string(),
  entityId: z.optional(z.string()),
  ssoUrl: z.optional(z.string()),
  validUntil: z.optional(z.string()),
  nameIdFormat: z.optional(z.string()),
});
export type SamlOrganization = z.infer<typeof SamlOrganization>;

const tags = ["SingleSignOn"];

export const ssoOperations = {
  ListSsoConnections: {
    tags,
    summary: "Lists the identity providers through which the organization's people sign in, and the redirect address to register there",
    answers: { 200: z.object({ connections: z.array(Connection), redirectUri: z.string() }) },
  },
  CreateSsoConnection: {
    tags,
    summary: "Adds an identity provider through which people sign in; the client secret is stored encrypted and never returned",
    answers: { 200: Connection },
  },
  GetSsoConnection: { tags, summary: "Returns one connection to an identity provider", answers: { 200: Connection } },
  UpdateSsoConnection: {
    tags,
    summary: "Changes a connection; disabling it ends the sessions and personal tokens that it opened",
    answers: { 200: Connection },
  },
  DeleteSsoConnection: {
    tags,
    summary: "Deletes a connection with the identities of its people, and ends what it opened; accounts and memberships stay",
    answers: { 204: null },
  },
  GetSAMLOrganization: {
    tags: ["Organizations"],
    summary: "Returns the organization's connection by SAML; the list of the organization's repositories is left empty",
    answers: { 200: SamlOrganization },
  },
  UpdateSAMLOrganization: {
    tags: ["Organizations"],
    summary: "Sets the metadata of the organization's identity provider; adds a connection by SAML if there is none",
    answers: { 200: SamlOrganization },
  },
  ListSsoDomains: {
    tags,
    summary: "Lists the organization's domains, proved or not",
    answers: { 200: z.object({ domains: z.array(Domain) }) },
  },
  AddSsoDomain: { tags, summary: "Adds a domain, and returns the TXT record that proves it", answers: { 200: Domain } },
  VerifySsoDomain: { tags, summary: "Looks for the TXT record of a domain", answers: { 200: Domain } },
  RemoveSsoDomain: { tags, summary: "Removes a domain: its people do not become members by themselves any more", answers: { 204: null } },
  ListSsoIdentities: {
    tags,
    summary: "Lists the identities of the organization's people, newest first",
    answers: { 200: ListIdentitiesResponse },
  },
  RemoveSsoIdentity: { tags, summary: "Removes a person's identity, and ends what it opened", answers: { 204: null } },
  GetSsoSettings: { tags, summary: "Returns what the organization requires of sign-ins", answers: { 200: SsoSettings } },
  UpdateSsoSettings: {
    tags,
    summary: "Changes what the organization requires of sign-ins; refuses changes that would shut out the administrators",
    answers: { 200: SsoSettings },
  },
  ListSsoTokenAuthorizations: {
    tags,
    summary: "Lists the personal tokens that their owners authorized for the organization, newest first",
    answers: { 200: ListTokenAuthorizationsResponse },
  },
  RemoveSsoTokenAuthorization: {
    tags,
    summary: "Removes the authorization of a personal token for the organization, at once",
    answers: { 204: null },
  },
  ReencryptOrganizationSecrets: {
    tags,
    summary: "Re-encrypts the secrets of connections and audit streams with the current master key; audited",
    answers: { 200: ReencryptedSecrets },
  },
} satisfies Operations;
