import { env } from "cloudflare:workers";
import { onTestFinished, vi } from "vitest";

/** Until it is called, no statement reaches D1. @returns ends the fault */
export function breakDatabase(): () => void {
  const broken = {
    prepare: (query: string) => env.DB.prepare(query),
    batch: () => Promise.reject(new Error("D1_ERROR: network connection lost")),
    getBookmark: () => null,
  };
  return until(vi.spyOn(env.DB, "withSession").mockReturnValue(broken as unknown as D1DatabaseSession));
}

/** Until it is called, D1 does everything and the answers are lost, but for the first `spared` ones. @returns ends the fault */
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

/** Calls something once, between the batch of D1 after which a condition holds and its answer; the answer is then lost. */
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

/** Until it is called, R2 takes nothing. @returns ends the fault */
export const breakObjectWrites = () => until(vi.spyOn(env.STATE, "put").mockRejectedValue(new Error("put: Unspecified error (0)")));

/** Until `repair` is called, a write of a state has no answer; `held` counts these writes. What else is written to R2 is written. */
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

/** Until it is called, R2 gives nothing. @returns ends the fault */
export const breakObjectReads = () => until(vi.spyOn(env.STATE, "get").mockRejectedValue(new Error("get: Unspecified error (0)")));

/** Until it is called, the queue takes nothing. @returns ends the fault */
export const breakQueue = () => until(vi.spyOn(env.AUDIT, "sendBatch").mockRejectedValue(new Error("Queue sendBatch failed: 500")));

/** Number of batches that the broken queue did not take. */
export const batchesNotTaken = (): number => vi.spyOn(env.AUDIT, "sendBatch").mock.calls.length;

/** Until it is called, the token cache cannot be reached. @returns ends the fault */
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

/** Until it is called, R2 takes everything and the answers are lost. @returns ends the fault */
export function loseObjectAnswers(): () => void {
  const put = env.STATE.put.bind(env.STATE) as (...args: unknown[]) => Promise<R2Object>;
  return until(
    vi.spyOn(env.STATE, "put").mockImplementation(async (...args: unknown[]) => {
      await put(...args);
      throw new Error("put: Unspecified error (0)");
    }),
  );
}

/** The next access to D1 fails, and no other. @returns ends the fault before it has come about */
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

/** The next object that R2 is given is not taken, the ones after it are. @returns ends the fault before it has come about */
export const breakObjectWriteOnce = () => until(vi.spyOn(env.STATE, "put").mockRejectedValueOnce(new Error("put: Unspecified error (0)")));

/** Until it is called, no audit event can be promised, and everything else works. @returns ends the fault */
export async function noPromises(): Promise<() => Promise<void>> {
  await env.DB.prepare("CREATE TRIGGER no_promises BEFORE INSERT ON audit_outbox BEGIN SELECT RAISE(ABORT, 'no room'); END").run();
  return async () => void (await env.DB.prepare("DROP TRIGGER no_promises").run());
}
