import { SQL, is } from "drizzle-orm";
import type { SQLiteTable } from "drizzle-orm/sqlite-core";
import { members, organizations } from "../orgs/table.ts";
import { customRoles } from "../roles/table.ts";
import { stackGrants, teamMembers, teamRoles, teams } from "../teams/table.ts";
import { accessTokens } from "../tokens/table.ts";

type RowOf<T extends SQLiteTable, K extends keyof T["$inferSelect"]> = Pick<T["$inferSelect"], K>;

/** The rows that rights follow from, without those of stacks. A dry run changes them in memory. */
export interface Tables {
  organizations: Map<
    string,
    RowOf<
      typeof organizations,
      "id" | "defaultRoleId" | "defaultStackPermission" | "membersCanCreateStacks" | "membersCanDeleteStacks" | "membersCanTransferStacks"
    >
  >;
  customRoles: Map<string, RowOf<typeof customRoles, "id" | "grants">>;
  members: Map<string, RowOf<typeof members, "userId" | "role" | "roleId"> & { login: string }>;
  accessTokens: Map<
    string,
    RowOf<typeof accessTokens, "id" | "kind" | "name" | "role" | "roleId" | "teamId" | "familyId" | "stackRules" | "deletedAt">
  >;
  teams: Map<string, RowOf<typeof teams, "id" | "name">>;
  teamMembers: Map<string, RowOf<typeof teamMembers, "teamId" | "userId" | "role">>;
  teamRoles: Map<string, RowOf<typeof teamRoles, "teamId" | "roleId">>;
  stackGrants: Map<string, RowOf<typeof stackGrants, "stackId" | "granteeKind" | "granteeId" | "permission">>;
}

const shelves: [SQLiteTable, keyof Tables, keys: string[]][] = [
  [organizations, "organizations", ["id"]],
  [customRoles, "customRoles", ["id"]],
  [members, "members", ["userId"]],
  [accessTokens, "accessTokens", ["id"]],
  [teams, "teams", ["id"]],
  [teamMembers, "teamMembers", ["teamId", "userId"]],
  [teamRoles, "teamRoles", ["teamId", "roleId"]],
  [stackGrants, "stackGrants", ["stackId", "granteeKind", "granteeId"]],
];

/** The columns that identify a row within its organization; none for a table that rights do not follow from. */
export const keysOf = (table: SQLiteTable): string[] => shelves.find(([one]) => one === table)?.[2] ?? [];

const keyOf = (row: Record<string, unknown>, keys: string[]) => keys.map((key) => String(row[key])).join(" ");

export const byKey = <Name extends keyof Tables>(
  name: Name,
  rows: (Tables[Name] extends Map<string, infer R> ? R : never)[],
): Tables[Name] => {
  const keys = shelves.find(([, one]) => one === name)![2];
  return new Map(rows.map((row) => [keyOf(row as Record<string, unknown>, keys), row])) as unknown as Tables[Name];
};

/** Rows that a call would write. @property set the new values of updated rows @property rows their keys, and whole rows for an insertion */
export interface Edit {
  table: SQLiteTable;
  how: "insert" | "update" | "delete";
  set: Record<string, unknown>;
  rows: Record<string, unknown>[];
}

/** The tables after these edits. A row that was not read is not changed. @throws for a right whose new value only the database knows */
export function edited(before: Tables, edits: Edit[]): Tables {
  const after = Object.fromEntries(
    Object.entries(before).map(([name, rows]) => [name, new Map(rows as Map<string, unknown>)]),
  ) as unknown as Tables;
  for (const { table, how, set, rows } of edits) {
    const shelf = shelves.find(([one]) => one === table);
    if (!shelf) continue;
    const [, name, keys] = shelf;
    const known = after[name] as Map<string, Record<string, unknown>>;
    for (const row of rows) {
      const key = keyOf(row, keys);
      const old = known.get(key);
      if (how === "delete") known.delete(key);
      else if (how === "insert") known.set(key, row);
      else if (old) known.set(key, { ...old, ...constants(set, old) });
    }
  }
  return after;
}

function constants(set: Record<string, unknown>, known: Record<string, unknown>) {
  const read = Object.entries(set).filter(([column]) => column in known);
  for (const [column, value] of read) if (is(value, SQL)) throw new Error(`a dry run cannot compute ${column}`);
  return Object.fromEntries(read);
}
