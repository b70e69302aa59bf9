import { expect, it } from "vitest";
import { call } from "../support/client.ts";
import { gzip, newOrgToken, newWorld } from "../support/world.ts";
import type { Session } from "./recording.ts";

const recordings = (import.meta as unknown as { glob: (pattern: string, options: object) => Record<string, Session> }).glob("./*.json", {
  eager: true,
  import: "default",
});

it.each(Object.entries(recordings))("answers as it did to the CLI in %s", async (_file, session) => {
  const world = await newWorld();
  const bound = new Map([["{{token}}", (await newOrgToken(world, session.token)).tokenValue]]);
  for (const [i, { method, path, authorization, userAgent, gzip: zipped, request, status, answer }] of session.exchanges.entries()) {
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
    if (answer === undefined) {
      expect(body, where).toBe("");
      continue;
    }
    const actual = JSON.parse(body, masked) as unknown;
    bind(answer, actual, bound);
    expect(JSON.parse(unfilled(JSON.stringify(actual), bound)), where).toEqual(answer);
  }
});

const filled = (text: string, bound: Map<string, string>) =>
  text.replaceAll(/\{\{\w+\}\}/g, (placeholder) => {
    const value = bound.get(placeholder);
    expect(value, `the session uses ${placeholder} before an answer named it`).toBeDefined();
    return value!;
  });

const unfilled = (text: string, bound: Map<string, string>) =>
  [...bound].reduce((sum, [placeholder, value]) => sum.replaceAll(value, placeholder), text);

/** Learns what a placeholder stands for this time, from where it stood in the recorded answer. */
function bind(recorded: unknown, actual: unknown, bound: Map<string, string>): void {
  if (typeof recorded === "string") {
    const isNew = /^\{\{\w+\}\}$/.test(recorded) && recorded !== "{{time}}" && !bound.has(recorded);
    if (isNew && typeof actual === "string" && actual !== "") bound.set(recorded, actual);
  } else if (recorded && actual && typeof recorded === "object" && typeof actual === "object") {
    for (const [key, value] of Object.entries(recorded)) bind(value, (actual as Record<string, unknown>)[key], bound);
  }
}

/** The same moments as the recorder takes out. */
function masked(_key: string, value: unknown): unknown {
  if (typeof value === "number" && value > 1.5e9 && value < 1e11) return "{{time}}";
  if (typeof value === "string" && /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}/.test(value)) return "{{time}}";
  return value;
}
