import { expect, it } from "vitest";
import { type Groupable, grouped } from "../../src/console/audit/group.ts";

const id = (n: number) => `00000000-0000-4000-8000-00000000000${n}`;
const event = (kind: string, timestamp: number, more: Partial<Groupable> & { about?: number } = {}): Groupable => ({
  event: kind,
  description: more.about === undefined ? kind : `Something of stack "acme/web/dev" (${id(more.about)}). And more.`,
  timestamp,
  stack: "web/dev",
  tokenID: "ci",
  user: { githubLogin: "acme" },
  ...more,
});
const started = (about: number, at: number, more = {}) => event("stack-update-started", at, { about, ...more });
const ended = (about: number, at: number, more = {}) => event("stack-update-completed", at, { about, ...more });
const shape = (events: Groupable[]) => grouped(events).map((one) => ("events" in one ? [one.events.length, one.updates] : one.event));

it("joins a long update with what its token read before it, and other events keep their places", () => {
  const other = event("stack-exported", 5000, { tokenID: "backup" });
  const events = [ended(1, 9000), other, started(1, 1000), event("secrets-batch-decrypted", 950), event("stack-exported", 700)];
  expect(shape(events)).toEqual([[3, [id(1)]], "stack-exported", "stack-exported"]);
});

it("joins a preview and the update after it, and not the update of another token or stack", () => {
  const run = [ended(2, 40), started(2, 30), ended(1, 20), started(1, 10)];
  expect(shape(run)).toEqual([[4, [id(2), id(1)]]]);
  expect(shape(run.map((one, i) => ({ ...one, tokenID: i < 2 ? "ci" : "other" })))).toHaveLength(4);
  expect(shape(run.map((one, i) => ({ ...one, stack: i < 2 ? "web/dev" : "web/prod" })))).toHaveLength(4);
});

it("never folds a refusal, an event without a stack, reads alone, or fewer than three events", () => {
  const refusal = event("auth-failure-token-scope", 25, { authFailure: true });
  expect(shape([ended(1, 30), refusal, started(1, 20), event("stack-exported", 10)])).toEqual([[3, [id(1)]], "auth-failure-token-scope"]);
  expect(shape([ended(1, 30), started(1, 20)])).toEqual(["stack-update-completed", "stack-update-started"]);
  expect(shape([1, 2, 3, 4].map((at) => event("stack-exported", -at)))).toHaveLength(4);
  expect(shape([1, 2, 3, 4].map((at) => event("user-login", -at, { stack: "" })))).toHaveLength(4);
});
