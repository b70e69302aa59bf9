import { env } from "cloudflare:workers";
import { onTestFinished, vi } from "vitest";

/** Counts the rows that D1 reads from now on. @returns the count so far */
export function countRowsRead(): () => number {
  let rows = 0;
  const open = env.DB.withSession.bind(env.DB);
  const spy = vi.spyOn(env.DB, "withSession").mockImplementation((constraint) => {
    const session = open(constraint);
    const batch = async (statements: D1PreparedStatement[]) => {
      const results = await session.batch(statements);
      for (const { meta } of results) rows += meta.rows_read;
      return results;
    };
    return { prepare: (query: string) => session.prepare(query), batch, getBookmark: () => null } as unknown as D1DatabaseSession;
  });
  onTestFinished(() => spy.mockRestore());
  return () => rows;
}
