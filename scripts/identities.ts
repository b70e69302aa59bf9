import { newTokenValue } from "../src/auth/secret.ts";
import type { Role } from "../src/orgs/table.ts";

/** SQL that writes organizations with people into a new database. */
export interface Identities {
  [organization: string]: { [login: string]: Role };
}

export interface IssuedTokens {
  /** Values of personal tokens, by organization and login. They are stored nowhere else. */
  [organization: string]: { [login: string]: string };
}

/** Texts as SQL, with commas between them. */
export const quoted = (...texts: string[]) => texts.map((text) => `'${text.replaceAll("'", "''")}'`).join(", ");

/**
 * A name as SQL, or NULL if the other table contains it in upper or lower case: that column does not allow NULL, so the statement fails.
 * The log uses one name for people and organizations. The check and the write are one statement, so concurrent commands cannot break the
 * rule.
 */
const unless = (table: "users" | "organizations", column: string, name: string) =>
  `(SELECT CASE WHEN EXISTS (SELECT 1 FROM ${table} WHERE lower(${column}) = lower(${quoted(name)})) THEN NULL ELSE ${quoted(name)} END)`;

/** The message for a failure of the database; undefined for an unknown failure. */
export function takenName(output: string): string | undefined {
  if (/NOT NULL constraint failed: audit_outbox\.body/.test(output)) return "There is no organization with that name.";
  const taken = /(NOT NULL|UNIQUE) constraint failed: (?:index ')?(users|organizations)[._](login|name)/.exec(output);
  if (!taken) return undefined;
  const isLogin = taken[2] === "users";
  if (taken[1] === "UNIQUE") return isLogin ? "A person with that login exists already." : "An organization with that name exists already.";
  return isLogin
    ? "An organization has that name: choose another login."
    : "A person has that name: choose another name for the organization.";
}

/** SQL that creates the organizations, their people, and one personal token for each person. */
export async function identitiesSql(
  identities: Identities,
  peppers: string[],
  now: number,
): Promise<{ sql: string; tokens: IssuedTokens }> {
  const lines: string[] = [];
  const tokens: IssuedTokens = {};
  for (const [organization, people] of Object.entries(identities)) {
    const orgId = crypto.randomUUID();
    const name = unless("users", "login", organization);
    lines.push(
      `INSERT INTO organizations (id, name, display_name, created_at) VALUES (${quoted(orgId)}, ${name}, ${quoted(organization)}, ${now});`,
    );
    tokens[organization] = {};
    for (const [login, role] of Object.entries(people)) {
      const { sql, userId, token } = await personSql(login, "", peppers, now);
      tokens[organization][login] = token;
      lines.push(sql, `INSERT INTO members (org_id, user_id, role, created_at) VALUES (${quoted(orgId, userId, role)}, ${now});`);
    }
  }
  return { sql: `${lines.join("\n")}\n`, tokens };
}

/** SQL that creates a person without an organization, with one personal token. */
export async function personSql(
  login: string,
  email: string,
  peppers: string[],
  now: number,
  expiresAt?: number,
): Promise<{ sql: string; userId: string; token: string }> {
  const userId = crypto.randomUUID();
  const { sql, token } = await tokenSql(userId, login, peppers, now, expiresAt);
  const name = unless("organizations", "name", login);
  const user = `INSERT INTO users (id, login, name, email, created_at) VALUES (${quoted(userId)}, ${name}, ${quoted(login, email)}, ${now});`;
  return { sql: `${user}\n${sql}`, userId, token };
}

/** SQL that creates a personal token. */
export async function tokenSql(
  userId: string,
  login: string,
  peppers: string[],
  now: number,
  expiresAt?: number,
): Promise<{ sql: string; token: string }> {
  const { value, hash } = await newTokenValue(peppers);
  const row = quoted(crypto.randomUUID(), "personal", userId, "", "first token", hash);
  return {
    sql: `INSERT INTO access_tokens (id, kind, user_id, name, description, hash, created_at, created_by, expires_at) VALUES (${row}, ${now}, ${quoted(login)}, ${expiresAt ?? "NULL"});`,
    token: value,
  };
}
