import type { SQLiteTable } from "drizzle-orm/sqlite-core";
import { members, organizations } from "../orgs/table.ts";
import { customRoles } from "../roles/table.ts";
import { stackGrants, teamMembers, teamRoles, teams } from "../teams/table.ts";
import { accessTokens } from "../tokens/table.ts";
import type { Edit } from "./tables.ts";

/** The ids of everything whose rights may change. */
export interface Touched {
  everyone: boolean;
  users: string[];
  tokens: string[];
  /** Families of organization tokens, by the id that successors inherit. */
  families: string[];
  teams: string[];
  roles: string[];
  /** Roles and teams that somebody has after the change. */
  given: string[];
  joined: string[];
  /** The stacks on which rights may change; undefined for all. */
  stacks: string[] | undefined;
}

/** The subjects, roles and stacks that these edits concern; undefined if they change no right. */
export function touchedBy(edits: Edit[]): Touched | undefined {
  const editsOf = (table: SQLiteTable) => edits.filter((edit) => edit.table === table && edit.rows.length > 0);
  const ids = (table: SQLiteTable, key: string, which: (row: Record<string, unknown>) => boolean = () => true) =>
    editsOf(table).flatMap(({ rows }) => rows.filter(which).map((row) => String(row[key])));
  const given = (edit: Edit) => [edit.set["roleId"], edit.set["defaultRoleId"], ...edit.rows.map((row) => row["roleId"])];
  const grantees = (kind: string) => ids(stackGrants, "granteeId", (row) => row["granteeKind"] === kind);

  const onlyGrants =
    editsOf(stackGrants).length > 0 &&
    [organizations, customRoles, members, teamMembers, teamRoles, teams, accessTokens].every((table) => !changes(editsOf(table)));
  const touched: Touched = {
    everyone: changes(editsOf(organizations)),
    users: [...ids(members, "userId"), ...ids(teamMembers, "userId"), ...grantees("user")],
    tokens: ids(accessTokens, "id"),
    families: grantees("token"),
    teams: [...ids(teams, "id"), ...ids(teamRoles, "teamId"), ...grantees("team")],
    roles: ids(customRoles, "id"),
    given: edits.flatMap(given).filter((id) => typeof id === "string"),
    joined: [...ids(teamMembers, "teamId"), ...ids(accessTokens, "teamId", (row) => typeof row["teamId"] === "string")],
    stacks: onlyGrants ? ids(stackGrants, "stackId") : undefined,
  };
  const { everyone, given: _, joined: __, stacks: ___, ...lists } = touched;
  return everyone || Object.values(lists).some((list) => list.length > 0) ? touched : undefined;
}

/** Columns of an organization that its members' rights follow from. */
const rightsOfMembers = [
  "defaultRoleId",
  "defaultStackPermission",
  "membersCanCreateStacks",
  "membersCanDeleteStacks",
  "membersCanTransferStacks",
];

/** A version that is only incremented changes no right. */
const changes = (edits: Edit[]): boolean =>
  edits.some(({ table, how, set }) => table !== organizations || how !== "update" || rightsOfMembers.some((column) => column in set));
