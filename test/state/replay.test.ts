import { expect, it } from "vitest";
import { replay } from "../../src/state/replay.ts";
import { chunked, drain, entry, journalOf, urn } from "./support.ts";

const TIME = "2026-11-24T10:00:00Z";

const run = (base: string | null, entries: object[]) =>
  drain(
    replay({
      base: base === null ? null : async () => chunked(base),
      baseIsAliasFree: true,
      journal: journalOf([entries]),
      manifestTime: TIME,
      cliVersion: "v3.259.0",
    }),
  );

it("makes a first state from nothing", async () => {
  const stack = { urn: urn("proj-dev", "pulumi:pulumi:Stack"), custom: false, type: "pulumi:pulumi:Stack" };
  const { text, summary } = await run(null, [
    entry(1, 6, { secretsProvider: { type: "service", state: { owner: "o" } } }),
    entry(2, 0, { operationID: 1, operation: { resource: stack, type: "creating" } }),
    entry(3, 1, { operationID: 1, state: stack }),
  ]);
  expect(JSON.parse(text)).toEqual({
    version: 3,
    deployment: {
      manifest: { time: TIME, magic: expect.stringMatching(/^[0-9a-f]{64}$/), version: "v3.259.0" },
      secrets_providers: { type: "service", state: { owner: "o" } },
      resources: [stack],
      metadata: {},
    },
  });
  expect(summary).toEqual({ resources: 1, version: 3, features: [], onlyRootStack: true, aliasFree: true });
});
