import { bare } from "./filter.ts";
import type { Email, PersonName } from "./table.ts";

export const USER = "urn:ietf:params:scim:schemas:core:2.0:User";
export const GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group";
const LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/** The address of an organization's SCIM service, from the public URL of a request: `https://…/scim/v2/acme`. */
export const baseOf = (url: URL): string => url.origin + url.pathname.split("/").slice(0, 4).join("/");

interface Row {
  id: string;
  externalId: string | null;
  createdAt: number;
  modifiedAt: number;
  version: number;
}

export interface UserRow extends Row {
  userName: string;
  active: boolean;
  profile: { displayName: string | null; name: PersonName; emails: Email[] };
}

export interface GroupRow extends Row {
  displayName: string;
}

export interface MemberRow {
  id: string;
}

export const etagOf = ({ version }: { version: number }) => `W/"${version}"`;

const metaOf = (row: Row, resourceType: "User" | "Group", base: string) => ({
  resourceType,
  created: new Date(row.createdAt).toISOString(),
  lastModified: new Date(row.modifiedAt).toISOString(),
  location: `${base}/${resourceType}s/${row.id}`,
  version: etagOf(row),
});

/** A user as clients get it. Attributes without a value are left out. */
export const toUser = (row: UserRow, base: string): Record<string, unknown> => ({
  schemas: [USER],
  id: row.id,
  ...(row.externalId !== null && { externalId: row.externalId }),
  userName: row.userName,
  ...(Object.keys(row.profile.name).length > 0 && { name: row.profile.name }),
  ...(row.profile.displayName !== null && { displayName: row.profile.displayName }),
  ...(row.profile.emails.length > 0 && { emails: row.profile.emails }),
  active: row.active,
  meta: metaOf(row, "User", base),
});

/** A group as clients get it. @param members undefined if they were not asked for */
export const toGroup = (row: GroupRow, members: MemberRow[] | undefined, base: string): Record<string, unknown> => ({
  schemas: [GROUP],
  id: row.id,
  ...(row.externalId !== null && { externalId: row.externalId }),
  displayName: row.displayName,
  ...(members && {
    members: members.map(({ id }) => ({ value: id, $ref: `${base}/Users/${id}`, type: "User" })),
  }),
  meta: metaOf(row, "Group", base),
});

export const listOf = (resources: unknown[], total = resources.length, startIndex = 1) => ({
  schemas: [LIST],
  totalResults: total,
  startIndex,
  itemsPerPage: resources.length,
  Resources: resources,
});

/** Which attributes an answer has. Names are in lower case. */
export interface Selection {
  only: string[];
  without: string[];
}

const namesIn = (parameter: string | null) =>
  (parameter ?? "")
    .split(",")
    .map((name) => bare(name.trim()))
    .filter((name) => name !== "");

/** Reads `attributes` and `excludedAttributes`. */
export const selectionOf = (query: URLSearchParams): Selection => ({
  only: namesIn(query.get("attributes")),
  without: namesIn(query.get("excludedAttributes")),
});

/** Whether an answer has an attribute or a part of it. */
export const isSelected = ({ only, without }: Selection, name: string): boolean =>
  only.length > 0 ? only.some((one) => one === name || one.startsWith(`${name}.`)) : !without.includes(name);

/** `id` and `schemas` always remain (identity-facts C-25). */
const always = new Set(["id", "schemas"]);

/** The selected attributes of a resource. */
export function selected(resource: Record<string, unknown>, selection: Selection): Record<string, unknown> {
  const { only, without } = selection;
  if (only.length === 0 && without.length === 0) return resource;
  const entries = Object.entries(resource).flatMap(([name, value]): [string, unknown][] => {
    const lower = name.toLowerCase();
    if (always.has(lower)) return [[name, value]];
    if (!isSelected(selection, lower)) return [];
    const has = (part: string) =>
      only.length > 0 ? only.includes(lower) || only.includes(`${lower}.${part}`) : !without.includes(`${lower}.${part}`);
    return [[name, Array.isArray(value) ? value.map((item) => partsOf(item, has)) : partsOf(value, has)]];
  });
  return Object.fromEntries(entries);
}

const partsOf = (value: unknown, has: (part: string) => boolean): unknown =>
  typeof value === "object" && value !== null
    ? Object.fromEntries(Object.entries(value).filter(([name]) => has(name.toLowerCase())))
    : value;
