/** Saves, restores and compares the rows that decide who may do what. */
import { env } from "cloudflare:workers";

type Row = Record<string, string | number | null>;
export type Rows = Record<(typeof tables)[number] | "users", Row[]>;

/** The tables in an order in which rows can be written. */
const tables = [
  "organizations",
  "access_tokens",
  "roles",
  "role_parts",
  "teams",
  "members",
  "former_members",
  "team_members",
  "team_roles",
  "stack_grants",
  "invites",
] as const;

export async function readRows(): Promise<Rows> {
  const read = ["users", ...tables];
  const results = await env.DB.batch<Row>(read.map((table) => env.DB.prepare(`SELECT * FROM ${table}`)));
  return Object.fromEntries(read.map((table, i) => [table, results[i]!.results])) as Rows;
}

/** No version is used twice, so that no cached identity is valid after the rows are restored. A call raises a version by a few. */
let version = 1_000_000;

export async function putBack(rows: Rows): Promise<void> {
  version += 1000;
  const others = tables.filter((table) => table !== "organizations");
  const organizations = rows.organizations.map((row) => {
    const columns = Object.keys(row).filter((name) => name !== "id");
    return env.DB.prepare(`UPDATE organizations SET ${columns.map((name) => `${name} = ?`).join(", ")} WHERE id = ?`).bind(
      ...columns.map((name) => (name === "settings_version" ? version : row[name]!)),
      row["id"],
    );
  });
  await env.DB.batch([
    env.DB.prepare("PRAGMA defer_foreign_keys = true"),
    ...others.toReversed().map((table) => env.DB.prepare(`DELETE FROM ${table}`)),
    ...others.flatMap((table) => {
      const [first] = rows[table];
      if (!first) return [];
      const columns = Object.keys(first);
      const values = columns.map((name) => (table === "access_tokens" && name === "version" ? String(version) : `value->>'${name}'`));
      return [
        env.DB.prepare(`INSERT INTO ${table} (${columns.join(", ")}) SELECT ${values.join(", ")} FROM json_each(?)`).bind(
          JSON.stringify(rows[table]),
        ),
      ];
    }),
    // The triggers of the rows above have raised the versions.
    ...organizations,
  ]);
}

const compared: Partial<Record<(typeof tables)[number], string[]>> = {
  organizations: ["name", "default_role_id", "default_stack_permission", "members_can_delete_stacks"],
  access_tokens: [
    "name",
    "role",
    "role_id",
    "team_id",
    "expires_at",
    "stack_rules",
    "allowed_cidrs",
    "may_rotate_itself",
    "successor_id",
    "made_with",
    "deleted_at",
    "disabled_at",
  ],
  roles: ["name", "grants"],
  teams: ["name"],
  members: ["org_id", "user_id", "role", "role_id"],
  team_members: ["team_id", "user_id", "role"],
  team_roles: ["team_id", "role_id"],
  stack_grants: ["stack_id", "grantee_id", "permission"],
  invites: ["role", "role_id", "status", "made_with"],
};

/** Two states with the same key differ in ids and times only. */
export function keyOf(rows: Rows): string {
  const named = [...rows.access_tokens, ...rows.roles, ...rows.teams, ...rows.users];
  const names = new Map(named.map((row) => [String(row["id"]), String(row["login"] ?? row["name"])]));
  const shown = (column: string, value: Row[string] | undefined) => {
    if (column === "deleted_at" || column === "disabled_at") return value !== null;
    return names.get(String(value)) ?? value;
  };
  return Object.entries(compared)
    .map(([table, columns]) =>
      rows[table as keyof Rows]
        .map((row) => JSON.stringify(columns.map((column) => shown(column, row[column]))))
        .toSorted()
        .join("\n"),
    )
    .join("\n\n");
}
