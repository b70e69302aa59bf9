import type { D1Database } from "@cloudflare/workers-types";

interface Row {
  kind: string;
  name: string;
  login: string | null;
  organization: string | null;
}

/** Finds the names of token holders by the token's id in the log. Each is looked up once. */
export function callersOf(database: () => Promise<D1Database>): (tokenId: string) => Promise<string> {
  const known = new Map<string, Promise<string>>();
  const find = async (tokenId: string): Promise<string> => {
    try {
      const row = await (
        await database()
      )
        .prepare(
          `SELECT t.kind, t.name, u.login, o.name AS organization FROM access_tokens t
           LEFT JOIN users u ON u.id = t.user_id LEFT JOIN organizations o ON o.id = t.org_id WHERE t.id = ?`,
        )
        .bind(tokenId)
        .first<Row>();
      if (row) return nameOf(row);
    } catch {
      // The server is stopping, or starting again with new code.
    }
    known.delete(tokenId);
    return `token ${tokenId.slice(0, 8)}`;
  };
  return (tokenId) => {
    const name = known.get(tokenId) ?? find(tokenId);
    known.set(tokenId, name);
    return name;
  };
}

function nameOf({ kind, name, login, organization }: Row): string {
  if (login === null) return `${organization}'s token ${name}`;
  return kind === "session" ? `${login}, in the console` : login;
}
