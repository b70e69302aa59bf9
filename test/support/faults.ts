import { env } from "cloudflare:workers";
import { onTestFinished, vi } from "vitest";

/** No statement reaches D1 until the returned function is called. @returns ends the fault */
export function breakDatabase(): () => void {
  const broken = {
    prepare: (query: string) => env.DB.prepare(query),
    batch: () => Promise.reject(new Error("D1_ERROR: network connection lost")),
    getBookmark: () => null,
  };
  return until(vi.spyOn(env.DB, "withSession").mockReturnValue(broken as unknown as D1DatabaseSession));
}

/**
 * D1 executes everything but its answers are lost, except for the first `spared` ones, until the returned function is called. @returns ends
 * the fault
 */
export function loseDatabaseAnswers(spared = 0): () => void {
  const open = env.DB.withSession.bind(env.DB);
  const spy = vi.spyOn(env.DB, "withSession").mockImplementation((constraint) => {
    const session = open(constraint);
    const batch = async (statements: D1PreparedStatement[]) => {
      const results = await session.batch(statements);
      if (spared-- > 0) return results;
      throw new Error("D1_ERROR: network connection lost");
    };
    return { prepare: (query: string) => session.prepare(query), batch, getBookmark: () => null } as unknown as D1DatabaseSession;
  });
  return until(spy);
}

/** Runs `act` once, after the first batch of D1 after which a condition holds. The answer of that batch is then lost. */
export function afterBatch(holds: () => Promise<boolean>, act: () => void): void {
  const open = env.DB.withSession.bind(env.DB);
  const spy = vi.spyOn(env.DB, "withSession").mockImplementation((constraint) => {
    const session = open(constraint);
    const batch = async (statements: D1PreparedStatement[]) => {
      const results = await session.batch(statements);
      if (!(await holds())) return results;
      spy.mockRestore();
      act();
      throw new Error("D1_ERROR: network connection lost");
    };
    return { prepare: (query: string) => session.prepare(query), batch, getBookmark: () => null } as unknown as D1DatabaseSession;
  });
  until(spy);
}

/** R2 stores nothing until the returned function is called. @returns ends the fault */
export const breakObjectWrites = () => until(vi.spyOn(env.STATE, "put").mockRejectedValue(new Error("put: Unspecified error (0)")));

/** Until `repair` is called, a write of a state gets no answer; `held` counts these writes. All other writes to R2 succeed. */
export function holdStateWrites(): { held: number; repair: () => void } {
  const put = env.STATE.put.bind(env.STATE) as (...args: unknown[]) => Promise<R2Object>;
  const spy = vi.spyOn(env.STATE, "put").mockImplementation((key, ...rest: unknown[]) => {
    if (!key.startsWith("state/")) return put(key, ...rest);
    states.held++;
    return new Promise(() => undefined);
  });
  const states = { held: 0, repair: until(spy) };
  return states;
}

/** R2 returns nothing until the returned function is called. @returns ends the fault */
export const breakObjectReads = () => until(vi.spyOn(env.STATE, "get").mockRejectedValue(new Error("get: Unspecified error (0)")));

/** The queue accepts nothing until the returned function is called. @returns ends the fault */
export const breakQueue = () => until(vi.spyOn(env.AUDIT, "sendBatch").mockRejectedValue(new Error("Queue sendBatch failed: 500")));

/** Number of batches that the broken queue did not accept. */
export const batchesNotTaken = (): number => vi.spyOn(env.AUDIT, "sendBatch").mock.calls.length;

/** The token cache cannot be reached until the returned function is called. @returns ends the fault */
export function breakCache(): () => void {
  const spies = (["get", "put", "delete"] as const).map((method) =>
    vi.spyOn(env.TOKEN_CACHE, method).mockRejectedValue(new Error(`KV ${method} failed: 500`)),
  );
  return until({ mockRestore: () => spies.forEach((spy) => spy.mockRestore()) });
}

function until(spy: { mockRestore: () => void }): () => void {
  const restore = () => spy.mockRestore();
  onTestFinished(restore);
  return restore;
}

/** R2 stores everything but its answers are lost, until the returned function is called. @returns ends the fault */
export function loseObjectAnswers(): () => void {
  const put = env.STATE.put.bind(env.STATE) as (...args: unknown[]) => Promise<R2Object>;
  return until(
    vi.spyOn(env.STATE, "put").mockImplementation(async (...args: unknown[]) => {
      await put(...args);
      throw new Error("put: Unspecified error (0)");
    }),
  );
}

/** Only the next access to D1 fails. @returns ends the fault if it has not occurred yet */
export function breakDatabaseOnce(): () => void {
  const open = env.DB.withSession.bind(env.DB);
  let broken = false;
  const spy = vi.spyOn(env.DB, "withSession").mockImplementation((constraint) => {
    const session = open(constraint);
    const batch = (statements: D1PreparedStatement[]) => {
      if (broken) return session.batch(statements);
      broken = true;
      return Promise.reject(new Error("D1_ERROR: network connection lost"));
    };
    return { prepare: (query: string) => session.prepare(query), batch, getBookmark: () => null } as unknown as D1DatabaseSession;
  });
  return until(spy);
}

/** Only the next write to R2 fails. @returns ends the fault if it has not occurred yet */
export const breakObjectWriteOnce = () => until(vi.spyOn(env.STATE, "put").mockRejectedValueOnce(new Error("put: Unspecified error (0)")));

/**
 * No audit event can be written to the outbox, and everything else works, until the returned function is called. @returns ends the fault
 */
export async function noPromises(): Promise<() => Promise<void>> {
  await env.DB.prepare("CREATE TRIGGER no_promises BEFORE INSERT ON audit_outbox BEGIN SELECT RAISE(ABORT, 'no room'); END").run();
  return async () => void (await env.DB.prepare("DROP TRIGGER no_promises").run());
}
