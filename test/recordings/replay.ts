import { expect } from "vitest";
import { call } from "../support/client.ts";
import { gzip } from "../support/world.ts";
import type { Exchange, Session } from "./recording.ts";

/** All recordings, by the name of their file. */
export const recordings = (import.meta as unknown as { glob: (pattern: string, options: object) => Record<string, Session> }).glob(
  "./*.json",
  { eager: true, import: "default" },
);

/**
 * Sends the requests of a recorded session, and expects the recorded answers.
 * @param token the value of an organization token that has the same name as the session's token
 * @param heard is called with each answer
 */
export async function replay(
  session: Session,
  token: string,
  heard: (exchange: Exchange, response: Response) => void = () => undefined,
): Promise<void> {
  const bound = new Map([["{{token}}", token]]);
  for (const [i, exchange] of session.exchanges.entries()) {
    const { method, path, authorization, userAgent, gzip: zipped, request, status, answer } = exchange;
    const where = `exchange ${i + 1}, ${method} ${path}`;
    const text = request === undefined ? undefined : filled(JSON.stringify(request), bound);
    const response = await call(method, filled(path, bound), {
      headers: {
        "User-Agent": userAgent,
        ...(authorization && { Authorization: filled(authorization, bound) }),
        ...(zipped && { "Content-Encoding": "gzip" }),
      },
      ...(text !== undefined && { body: zipped ? await gzip(text) : text }),
    });
    const body = await response.text();
    expect(response.status, `${where}\n${body}`).toBe(status);
    heard(exchange, response);
    if (answer === undefined) {
      expect(body, where).toBe("");
      continue;
    }
    const actual = JSON.parse(body, masked) as unknown;
    bind(answer, actual, bound);
    expect(JSON.parse(unfilled(JSON.stringify(actual), bound)), where).toEqual(answer);
  }
}

const filled = (text: string, bound: Map<string, string>) =>
  text.replaceAll(/\{\{\w+\}\}/g, (placeholder) => {
    const value = bound.get(placeholder);
    expect(value, `the session uses ${placeholder} before an answer named it`).toBeDefined();
    return value!;
  });

const unfilled = (text: string, bound: Map<string, string>) =>
  [...bound].reduce((sum, [placeholder, value]) => sum.replaceAll(value, placeholder), text);

/** Finds the present value of each placeholder, at the place where the recorded answer has the placeholder. */
function bind(recorded: unknown, actual: unknown, bound: Map<string, string>): void {
  if (typeof recorded === "string") {
    const isNew = /^\{\{\w+\}\}$/.test(recorded) && recorded !== "{{time}}" && !bound.has(recorded);
    if (isNew && typeof actual === "string" && actual !== "") bound.set(recorded, actual);
  } else if (recorded && actual && typeof recorded === "object" && typeof actual === "object") {
    for (const [key, value] of Object.entries(recorded)) bind(value, (actual as Record<string, unknown>)[key], bound);
  }
}

/** Replaces the same times as the recorder. */
function masked(_key: string, value: unknown): unknown {
  if (typeof value === "number" && value > 1.5e9 && value < 1e11) return "{{time}}";
  if (typeof value === "string" && /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}/.test(value)) return "{{time}}";
  return value;
}
