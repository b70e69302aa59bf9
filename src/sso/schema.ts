import * as z from "zod/mini";
import { id, list, text } from "../http/bounded.ts";
import { ssoRequirements } from "../orgs/table.ts";
import { connectionKinds, firstRoles } from "./table.ts";

const MOST_DOMAINS = 100;
/** The mappings that apply to a person are kept in a cookie for a moment. */
const MOST_MAPPINGS = 100;
const MOST_EMERGENCY = 10;
/** Characters. The metadata of Entra have 70,000. */
const MOST_METADATA = 256 * 1024;

/** A DNS name with at least one dot, in lower case. */
export const domainName = text(253)
  .check(z.toLowerCase())
  .check(
    z.regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+$/, "a domain must look like example.com"),
  );

export const issuerUrl = text(500).check(
  z.refine((url) => URL.canParse(url) && /^https?:\/\/[^\s?#@]+$/.test(url), "the issuer must be a URL like https://id.example.com"),
);

const noControl = z.regex(/^[^\p{Cc}]*$/u, "a text must not have control characters");

/** Members of a connection. */
export const parts = {
  name: text(80).check(z.minLength(1, "a name is required"), noControl),
  kind: z.enum(connectionKinds),
  clientId: text(500).check(z.minLength(1, "the client id is required"), noControl),
  clientSecret: text(2000).check(z.minLength(1, "the client secret is required"), noControl),
  allowedDomains: list(domainName, MOST_DOMAINS),
};

const groupMapping = z.union(
  [
    z.strictObject({ group: text(500).check(z.minLength(1)), team: text(200) }),
    z.strictObject({ group: text(500).check(z.minLength(1)), role: z.literal("admin") }),
  ],
  'a mapping is {"group": "…", "team": "…"} or {"group": "…", "role": "admin"}',
);

const optional = {
  allowedDomains: z.optional(parts.allowedDomains),
  firstRole: z.optional(z.enum(firstRoles)),
  /** The name is used as it is: it may contain dots and slashes (identity-facts O-13). */
  groupClaim: z.optional(text(200).check(noControl)),
  groupScope: z.optional(text(100).check(z.regex(/^[\x21\x23-\x5b\x5d-\x7e]*$/, "a scope must not have spaces"))),
  groupMappings: z.optional(list(groupMapping, MOST_MAPPINGS)),
  enabled: z.optional(z.boolean()),
  /** Only for SAML: the XML of the provider's metadata. */
  metadata: z.optional(text(MOST_METADATA)),
  /** Only for SAML: whether the provider may begin a sign-in. */
  idpInitiated: z.optional(z.boolean()),
};

export const CreateConnectionRequest = z.object({
  name: parts.name,
  kind: z.optional(parts.kind),
  /** For GitHub it may be absent, or the address of a GitHub server of the organization. For SAML the metadata name it. */
  issuer: z.optional(issuerUrl),
  /** Required for OpenID Connect and GitHub. For SAML it is the entity id of this server, which may be absent. */
  clientId: z.optional(parts.clientId),
  /** Required for OpenID Connect and GitHub. */
  clientSecret: z.optional(parts.clientSecret),
  ...optional,
});

/** The issuer never changes: the identities of people belong to it. */
export const UpdateConnectionRequest = z.object({
  name: z.optional(parts.name),
  clientId: z.optional(parts.clientId),
  clientSecret: z.optional(parts.clientSecret),
  ...optional,
});

/** The body that the public contract defines. */
export const UpdateSamlOrganizationRequest = z.object({ newIdpSsoDescriptor: z.optional(text(MOST_METADATA)) });

export const AddDomainRequest = z.object({ domain: domainName });

export const UpdateSsoSettingsRequest = z.object({
  required: z.optional(z.enum(ssoRequirements)),
  reauthDays: z.optional(z.int().check(z.minimum(0), z.maximum(365))),
  sessionHours: z.optional(z.int().check(z.minimum(1), z.maximum(168))),
  /** Logins of administrators. The list replaces the one before. */
  emergencyAdmins: z.optional(list(text(200), MOST_EMERGENCY)),
});

export const connectionId = id;
