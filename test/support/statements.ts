import { env } from "cloudflare:workers";
import { onTestFinished, vi } from "vitest";

/** Notes each statement for D1 from now on: the SQL of each batch. All access to D1 uses batches of a session. */
export function noteBatches(): string[][] {
  const batches: string[][] = [];
  const open = env.DB.withSession.bind(env.DB);
  const spy = vi.spyOn(env.DB, "withSession").mockImplementation((constraint) => {
    const session = open(constraint);
    const texts = new WeakMap<object, string>();
    const noted = (statement: D1PreparedStatement, query: string): D1PreparedStatement => {
      texts.set(statement, query);
      const bind = statement.bind.bind(statement);
      return Object.assign(statement, { bind: (...values: unknown[]) => noted(bind(...values), query) });
    };
    const batch = (statements: D1PreparedStatement[]) => {
      batches.push(statements.map((statement) => texts.get(statement) ?? "?"));
      return session.batch(statements);
    };
    return {
      prepare: (query: string) => noted(session.prepare(query), query),
      batch,
      getBookmark: () => null,
    } as unknown as D1DatabaseSession;
  });
  onTestFinished(() => spy.mockRestore());
  return batches;
}
