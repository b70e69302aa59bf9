import { USER, GROUP, baseOf, listOf } from "./render.ts";

/** Maximum number of resources on a page. */
export const MOST_RESULTS = 100;

const DOCS = "https://datatracker.ietf.org/doc/html/rfc7644";

export const serviceProviderConfig = (base: string) => ({
  schemas: ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
  documentationUri: DOCS,
  patch: { supported: true },
  bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
  filter: { supported: true, maxResults: MOST_RESULTS },
  changePassword: { supported: false },
  sort: { supported: false },
  etag: { supported: true },
  authenticationSchemes: [
    {
      type: "oauthbearertoken",
      name: "SCIM token",
      description: "A token that an administrator of the organization creates, sent as a bearer token.",
      specUri: "https://datatracker.ietf.org/doc/html/rfc6750",
      primary: true,
    },
  ],
  meta: { resourceType: "ServiceProviderConfig", location: `${base}/ServiceProviderConfig` },
});

const resourceType = (base: string, name: "User" | "Group", schema: string, description: string) => ({
  schemas: ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
  id: name,
  name,
  endpoint: `/${name}s`,
  description,
  schema,
  meta: { resourceType: "ResourceType", location: `${base}/ResourceTypes/${name}` },
});

export const resourceTypes = (base: string) => [
  resourceType(base, "User", USER, "A person of the organization."),
  resourceType(base, "Group", GROUP, "A team of the organization."),
];

interface Shape {
  name: string;
  description: string;
  type?: "string" | "boolean" | "reference" | "complex";
  more?: Record<string, unknown>;
  sub?: Shape[];
}

const attribute = ({ name, description, type = "string", more, sub }: Shape): Record<string, unknown> => ({
  name,
  type,
  multiValued: false,
  description,
  required: false,
  ...(type === "string" && { caseExact: false }),
  mutability: "readWrite",
  returned: "default",
  ...(type === "string" && { uniqueness: "none" }),
  ...more,
  ...(sub && { subAttributes: sub.map(attribute) }),
});

const externalId: Shape = {
  name: "externalId",
  description: "The id of the resource in the identity provider.",
  more: { caseExact: true, uniqueness: "server" },
};

/** Only the attributes that are kept (identity-facts C-61). */
const userAttributes: Shape[] = [
  {
    name: "userName",
    description: "The name of the person in the identity provider.",
    more: { required: true, uniqueness: "server" },
  },
  externalId,
  {
    name: "name",
    type: "complex",
    description: "The parts of the person's name.",
    sub: [
      { name: "formatted", description: "The whole name." },
      { name: "familyName", description: "The family name." },
      { name: "givenName", description: "The given name." },
    ],
  },
  { name: "displayName", description: "The name to show." },
  {
    name: "active",
    type: "boolean",
    description: "Whether the person has access to the organization.",
    more: { required: true },
  },
  {
    name: "emails",
    type: "complex",
    description: "E-mail addresses of the person.",
    more: { multiValued: true },
    sub: [
      { name: "value", description: "The address.", more: { required: true } },
      { name: "type", description: "What the address is for.", more: { canonicalValues: ["work", "home", "other"] } },
      { name: "primary", type: "boolean", description: "Whether it is the main address." },
    ],
  },
];

const groupAttributes: Shape[] = [
  {
    name: "displayName",
    description: "The name of the group, and of its team.",
    more: { required: true, uniqueness: "server" },
  },
  externalId,
  {
    name: "members",
    type: "complex",
    description: "The people in the group.",
    more: { multiValued: true },
    sub: [
      { name: "value", description: "The id of a user.", more: { required: true, caseExact: true, mutability: "immutable" } },
      {
        name: "$ref",
        type: "reference",
        description: "The address of the user.",
        more: { referenceTypes: ["User"], mutability: "immutable" },
      },
      { name: "type", description: "Always User.", more: { canonicalValues: ["User"], mutability: "readOnly" } },
    ],
  },
];

const schema = (base: string, id: string, name: string, description: string, shapes: Shape[]) => ({
  schemas: ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
  id,
  name,
  description,
  attributes: shapes.map(attribute),
  meta: { resourceType: "Schema", location: `${base}/Schemas/${id}` },
});

export const schemas = (base: string) => [
  schema(base, USER, "User", "A person of the organization.", userAttributes),
  schema(base, GROUP, "Group", "A team of the organization.", groupAttributes),
];

/** Answers a discovery document. @returns undefined for an unknown one */
export function discover(url: URL, name: string, id: string | undefined): unknown {
  const base = baseOf(url);
  if (name === "ServiceProviderConfig") return id === undefined ? serviceProviderConfig(base) : undefined;
  const all = name === "ResourceTypes" ? resourceTypes(base) : name === "Schemas" ? schemas(base) : undefined;
  return id === undefined ? all && listOf(all) : all?.find((one) => one.id === id);
}
