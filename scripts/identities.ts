import { newTokenValue } from "../src/auth/secret.ts";
import type { Role } from "../src/orgs/table.ts";

/** Organizations with people in them, to be written into a new database. */
export interface Identities {
  [organization: string]: { [login: string]: Role };
}

export interface IssuedTokens {
  /** Values of personal tokens, by organization and login. They are nowhere else. */
  [organization: string]: { [login: string]: string };
}

const quote = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** SQL that makes the organizations, each person in them, and one personal token for each person. */
export async function identitiesSql(
  identities: Identities,
  peppers: string[],
  now: number,
): Promise<{ sql: string; tokens: IssuedTokens }> {
  const lines: string[] = [];
  const tokens: IssuedTokens = {};
  for (const [organization, people] of Object.entries(identities)) {
    const orgId = crypto.randomUUID();
    lines.push(
      `INSERT INTO organizations (id, name, display_name, created_at) VALUES (${[orgId, organization, organization].map(quote).join(", ")}, ${now});`,
    );
    tokens[organization] = {};
    for (const [login, role] of Object.entries(people)) {
      const userId = crypto.randomUUID();
      const { value, hash } = await newTokenValue(peppers);
      tokens[organization][login] = value;
      lines.push(
        `INSERT INTO users (id, login, name, email, created_at) VALUES (${[userId, login, login, ""].map(quote).join(", ")}, ${now});`,
        `INSERT INTO members (org_id, user_id, role, created_at) VALUES (${[orgId, userId, role].map(quote).join(", ")}, ${now});`,
        `INSERT INTO access_tokens (id, kind, user_id, name, description, hash, created_at, created_by) VALUES (${[
          crypto.randomUUID(),
          "personal",
          userId,
          "",
          "first token",
          hash,
        ]
          .map(quote)
          .join(", ")}, ${now}, ${quote(login)});`,
      );
    }
  }
  return { sql: `${lines.join("\n")}\n`, tokens };
}
