import { env } from "cloudflare:workers";

/** Keeps the order in which the database commits audit events. */
export const rememberCommitOrder = () =>
  env.DB.batch([
    env.DB.prepare("CREATE TABLE committed (seq INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL)"),
    env.DB.prepare("CREATE TRIGGER remember AFTER INSERT ON audit_outbox BEGIN INSERT INTO committed (body) VALUES (new.body); END"),
  ]);

export async function commitOrder(): Promise<{ event: string; description: string; tokenId: string; stack?: string }[]> {
  const { results } = await env.DB.prepare("SELECT body FROM committed ORDER BY seq").all<{ body: string }>();
  return results.map((row) => JSON.parse(row.body) as { event: string; description: string; tokenId: string; stack?: string });
}
