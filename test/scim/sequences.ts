/**
 * Requests as identity providers send them, and what the answers must have. `{name}` is replaced by a value from an earlier answer of the
 * sequence (`keep`). The requests follow the public documentation of each client (identity-facts §4).
 */
export interface Step {
  method: string;
  path: string;
  json?: unknown;
  status: number;
  /** A part of the body of the answer. */
  has?: unknown;
  /** Keeps the id of the answer under this name. */
  keep?: string;
}

const USER = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const patch = (...Operations: unknown[]) => ({ schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], Operations });
const found = (totalResults: number) => ({ totalResults, startIndex: 1 });
const search = (resource: string, filter: string, more = "") => `/${resource}?filter=${encodeURIComponent(filter)}${more}`;

const oktaUser = {
  schemas: [USER],
  userName: "nora.bell@acme.example",
  name: { givenName: "Nora", familyName: "Bell" },
  emails: [{ primary: true, value: "nora.bell@acme.example", type: "work" }],
  displayName: "Nora Bell",
  locale: "en-US",
  externalId: "00ujl29u0le5T6Aj10h7",
  groups: [],
  password: "1mz050nq",
  active: true,
};

export const sequences: Record<string, Step[]> = {
  "Okta: connection test": [
    { method: "GET", path: "/Users?startIndex=1&count=2", status: 200, has: { ...found(0), itemsPerPage: 0, Resources: [] } },
    { method: "GET", path: "/Groups?count=100&startIndex=1", status: 200, has: found(0) },
  ],
  "Okta catalogue app: create, update, deactivate, activate": [
    { method: "GET", path: search("Users", 'userName eq "nora.bell@acme.example"', "&startIndex=1&count=100"), status: 200, has: found(0) },
    {
      method: "POST",
      path: "/Users",
      json: oktaUser,
      status: 201,
      keep: "nora",
      has: { userName: "nora.bell@acme.example", active: true },
    },
    { method: "POST", path: "/Users", json: oktaUser, status: 409, has: { scimType: "uniqueness", status: "409" } },
    { method: "GET", path: "/Users/{nora}", status: 200, has: { name: { givenName: "Nora", familyName: "Bell" } } },
    {
      method: "PUT",
      path: "/Users/{nora}",
      json: { ...oktaUser, id: "{nora}", displayName: "Nora Reed", meta: { resourceType: "User" } },
      status: 200,
      has: { displayName: "Nora Reed" },
    },
    {
      method: "PATCH",
      path: "/Users/{nora}",
      json: patch({ op: "replace", value: { active: false } }),
      status: 200,
      has: { active: false },
    },
    { method: "GET", path: search("Users", 'userName eq "nora.bell@acme.example"'), status: 200, has: found(1) },
    { method: "PATCH", path: "/Users/{nora}", json: patch({ op: "replace", value: { active: true } }), status: 200, has: { active: true } },
  ],
  "Okta wizard app: everything by PUT": [
    { method: "POST", path: "/Users", json: oktaUser, status: 201, keep: "nora" },
    { method: "PUT", path: "/Users/{nora}", json: { ...oktaUser, active: false }, status: 200, has: { active: false } },
    { method: "PUT", path: "/Users/{nora}", json: { ...oktaUser, active: undefined }, status: 200, has: { active: true } },
    { method: "POST", path: "/Groups", json: { schemas: [GROUP], displayName: "Ops", members: [] }, status: 201, keep: "ops" },
    {
      method: "PUT",
      path: "/Groups/{ops}",
      json: { schemas: [GROUP], id: "{ops}", displayName: "Ops", members: [{ value: "{nora}", display: "nora.bell@acme.example" }] },
      status: 200,
      has: { members: [{ value: "{nora}", type: "User" }] },
    },
    { method: "PUT", path: "/Groups/{ops}", json: { schemas: [GROUP], displayName: "Ops" }, status: 200, has: { members: [] } },
  ],
  "Okta group push": [
    { method: "POST", path: "/Users", json: oktaUser, status: 201, keep: "nora" },
    { method: "GET", path: search("Groups", 'displayName eq "Cloud Team"', "&startIndex=1&count=100"), status: 200, has: found(0) },
    { method: "POST", path: "/Groups", json: { schemas: [GROUP], displayName: "Cloud Team", members: [] }, status: 201, keep: "cloud" },
    {
      method: "PATCH",
      path: "/Groups/{cloud}",
      json: patch(
        { op: "replace", value: { id: "{cloud}", displayName: "Cloud Crew" } },
        { op: "add", path: "members", value: [{ value: "{nora}", display: "nora.bell@acme.example" }] },
      ),
      status: 204,
    },
    { method: "GET", path: "/Groups/{cloud}", status: 200, has: { displayName: "Cloud Crew", members: [{ value: "{nora}" }] } },
    { method: "PATCH", path: "/Groups/{cloud}", json: patch({ op: "remove", path: 'members[value eq "{nora}"]' }), status: 204 },
    { method: "GET", path: "/Groups/{cloud}", status: 200, has: { members: [] } },
    { method: "PATCH", path: "/Groups/{cloud}", json: patch({ op: "replace", value: { members: [{ value: "{nora}" }] } }), status: 204 },
    { method: "GET", path: "/Groups/{cloud}", status: 200, has: { members: [{ value: "{nora}" }] } },
    { method: "PATCH", path: "/Groups/{cloud}", json: patch({ op: "replace", path: "members", value: [] }), status: 204 },
    { method: "GET", path: "/Groups/{cloud}", status: 200, has: { members: [] } },
    {
      method: "PATCH",
      path: "/Groups/{cloud}",
      json: patch({ op: "replace", value: { id: "other", displayName: "X" } }),
      status: 400,
      has: { scimType: "mutability" },
    },
    { method: "DELETE", path: "/Groups/{cloud}", status: 204 },
    { method: "GET", path: "/Groups/{cloud}", status: 404 },
  ],
  "Entra: users": [
    { method: "GET", path: search("Users", 'userName eq "non-existent user"'), status: 200, has: { ...found(0), Resources: [] } },
    { method: "GET", path: "/Schemas", status: 200, has: { totalResults: 2 } },
    {
      method: "POST",
      path: "/Users",
      json: {
        schemas: [USER, ENTERPRISE],
        externalId: "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
        userName: "Theo_Kim@acme.example",
        active: true,
        emails: [{ primary: true, type: "work", value: "theo@acme.example" }],
        meta: { resourceType: "User" },
        name: { formatted: "Theo Kim", familyName: "Kim", givenName: "Theo" },
        roles: [],
        title: "Engineer",
        [ENTERPRISE]: { department: "Ops", manager: { value: "x" } },
      },
      status: 201,
      keep: "theo",
    },
    { method: "GET", path: search("Users", "externalId eq 0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"), status: 200, has: found(1) },
    {
      method: "PATCH",
      path: "/Users/{theo}",
      json: patch(
        { op: "Replace", path: 'emails[type eq "work"].value', value: "theo.kim@acme.example" },
        { op: "Add", path: "name.familyName", value: "Kim-Lee" },
        { op: "Replace", path: `${ENTERPRISE}:department`, value: "Dev" },
        { op: "Replace", path: "title", value: "Lead" },
      ),
      status: 200,
      has: { emails: [{ value: "theo.kim@acme.example", type: "work", primary: true }], name: { familyName: "Kim-Lee" } },
    },
    {
      method: "PATCH",
      path: "/Users/{theo}",
      json: patch({ op: "Replace", path: "active", value: "False" }),
      status: 200,
      has: { active: false },
    },
    {
      method: "PATCH",
      path: "/Users/{theo}",
      json: patch({ op: "Replace", path: "active", value: "maybe" }),
      status: 400,
      has: { scimType: "invalidValue" },
    },
    {
      method: "PATCH",
      path: "/Users/{theo}?aadOptscim062020",
      json: patch({
        op: "replace",
        value: {
          displayName: "Theo",
          "name.givenName": "Teo",
          active: true,
          [`${ENTERPRISE}:employeeNumber`]: "7",
          [`${USER}:userName`]: "teo@acme.example",
        },
      }),
      status: 200,
      has: { displayName: "Theo", name: { givenName: "Teo", familyName: "Kim-Lee" }, active: true, userName: "teo@acme.example" },
    },
    {
      method: "PATCH",
      path: "/Users/{theo}",
      json: patch({ op: "Replace", path: "displayName", value: [{ $ref: null, value: "T" }] }),
      status: 200,
      has: { displayName: "T" },
    },
    {
      method: "GET",
      path: search("Users", 'emails[type eq "work"].value eq "THEO.kim@acme.example" and active eq true'),
      status: 200,
      has: found(1),
    },
    {
      method: "PATCH",
      path: "/Users/{theo}",
      json: patch({ op: "Add", path: 'emails[type eq "home"].value', value: "t@home.example" }),
      status: 200,
    },
    {
      method: "GET",
      path: "/Users/{theo}?attributes=emails.value",
      status: 200,
      has: { emails: [{ value: "theo.kim@acme.example" }, { value: "t@home.example" }] },
    },
    {
      method: "PATCH",
      path: "/Users/{theo}",
      json: patch({ op: "Replace", path: "shoeSize", value: 1 }),
      status: 400,
      has: { scimType: "invalidPath" },
    },
    { method: "DELETE", path: "/Users/{theo}", status: 204 },
    { method: "DELETE", path: "/Users/{theo}", status: 404 },
  ],
  "Entra: groups": [
    { method: "POST", path: "/Users", json: { userName: "u1@acme.example" }, status: 201, keep: "u1" },
    { method: "POST", path: "/Users", json: { userName: "u2@acme.example", active: "False" }, status: 201, keep: "u2" },
    {
      method: "POST",
      path: "/Groups",
      json: {
        schemas: [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
        externalId: "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159",
        displayName: "Développeurs / Prod",
        meta: { resourceType: "Group" },
      },
      status: 201,
      keep: "devs",
    },
    {
      method: "GET",
      path: search("Groups", 'displayName eq "développeurs / PROD"', "&excludedAttributes=members"),
      status: 200,
      has: found(1),
    },
    {
      method: "PATCH",
      path: "/Groups/{devs}",
      json: patch({
        op: "Add",
        path: "members",
        value: [
          { $ref: null, value: "{u1}" },
          { $ref: null, value: "{u2}" },
        ],
      }),
      status: 204,
    },
    { method: "GET", path: "/Groups/{devs}", status: 200, has: { members: [{ value: "{u1}" }, { value: "{u2}" }] } },
    {
      method: "GET",
      path: search("Groups", 'id eq "{devs}" and members eq "{u2}"', "&excludedAttributes=members"),
      status: 200,
      has: found(1),
    },
    {
      method: "PATCH",
      path: "/Groups/{devs}",
      json: patch({ op: "Remove", path: "members", value: [{ $ref: null, value: "{u2}" }] }),
      status: 204,
    },
    { method: "GET", path: "/Groups/{devs}", status: 200, has: { members: [{ value: "{u1}" }] } },
    {
      method: "PATCH",
      path: "/Groups/{devs}",
      json: patch({ op: "Add", path: "members", value: [{ value: "not-there" }] }),
      status: 400,
      has: { scimType: "invalidValue" },
    },
    { method: "PATCH", path: "/Groups/{devs}", json: patch({ op: "Replace", path: "displayName", value: "Platform" }), status: 204 },
    { method: "PATCH", path: "/Groups/{devs}", json: patch({ op: "remove", path: "members" }), status: 204 },
    { method: "GET", path: "/Groups/{devs}", status: 200, has: { displayName: "Platform", members: [] } },
    { method: "POST", path: "/Groups", json: { displayName: "PLATFORM" }, status: 409, has: { scimType: "uniqueness" } },
  ],
  authentik: [
    { method: "GET", path: "/ServiceProviderConfig", status: 200, has: { patch: { supported: true }, bulk: { supported: false } } },
    { method: "POST", path: "/Users", json: { userName: "akadmin", externalId: "f00", emails: [] }, status: 201, keep: "user" },
    {
      method: "POST",
      path: "/Groups",
      json: { schemas: [GROUP], displayName: "authentik Admins", externalId: "g1" },
      status: 201,
      keep: "admins",
    },
    {
      method: "PATCH",
      path: "/Groups/{admins}",
      json: patch({ op: "replace", value: { schemas: [GROUP], id: "{admins}", displayName: "authentik Admins", externalId: "g1" } }),
      status: 204,
    },
    { method: "PATCH", path: "/Groups/{admins}", json: patch({ op: "add", path: "members", value: [{ value: "{user}" }] }), status: 204 },
    { method: "GET", path: "/Groups?startIndex=1", status: 200, has: { Resources: [{ members: [{ value: "{user}" }] }] } },
    {
      method: "PATCH",
      path: "/Groups/{admins}",
      json: patch({ op: "remove", path: "members", value: [{ value: "{user}" }] }),
      status: 204,
    },
    { method: "GET", path: "/Groups/{admins}", status: 200, has: { members: [] } },
  ],
  "JumpCloud and OneLogin": [
    { method: "GET", path: "/Users?count=1", status: 200, has: found(0) },
    {
      method: "POST",
      path: "/Users",
      json: { userName: "jo", emails: "jo@acme.example" },
      status: 201,
      keep: "jo",
      has: { emails: [{ value: "jo@acme.example" }] },
    },
    {
      method: "PUT",
      path: "/Users/{jo}",
      json: { USERNAME: "jo", Active: "True", name: { givenName: "Jo" } },
      status: 200,
      has: { name: { givenName: "Jo" } },
    },
    { method: "GET", path: search("Users", 'name.givenName eq "JO" and active eq True'), status: 200, has: found(1) },
    { method: "GET", path: search("Users", 'displayName eq "nobody"'), status: 200, has: found(0) },
    { method: "POST", path: "/Groups", json: { displayName: "G", members: ["{jo}"] }, status: 201, keep: "g" },
    { method: "PATCH", path: "/Groups/{g}", json: patch({ op: "remove", path: 'members[VALUE Eq "{jo}"].value' }), status: 204 },
    { method: "GET", path: "/Groups/{g}", status: 200, has: { members: [] } },
  ],
};
