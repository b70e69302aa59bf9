import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ChainRecord } from "../../src/audit/chain.ts";
import { eventTypes } from "../../src/audit/events.ts";
import { isFor } from "../../src/webhooks/dispatch.ts";
import { filtersOf, groupOfFilter, isOfStack, selects, selectsLog, webhookFilters, webhookGroups } from "../../src/webhooks/filters.ts";
import { bodyOf } from "../../src/webhooks/formats.ts";
import { messageOfRecord, messageOfUpdate } from "../../src/webhooks/message.ts";
import { filterOfUpdate, signalOf } from "../../src/webhooks/signals.ts";
import { updateKinds, updateStatuses } from "../../src/updates/table.ts";

const ID = "3f2b8c1e-0000-4000-8000-00000000abcd";

describe("the filters of webhooks", () => {
  const names = fc.subarray(webhookFilters, { maxLength: 5 });
  const groups = fc.subarray(webhookGroups, { maxLength: 3 });

  it("select an event by itself or by its group, and everything of the contract if there are none", () => {
    fc.assert(
      fc.property(names, groups, fc.constantFrom(...webhookFilters), (filters, chosen, event) => {
        const selection = { filters, groups: chosen };
        const byHand = filters.includes(event) || chosen.some((group) => filtersOf(group).includes(event));
        const all = filters.length === 0 && chosen.length === 0;
        const isLog = ["tokens", "members", "sso", "health"].includes(groupOfFilter(event));
        expect(selects(selection, event)).toBe(all ? !isLog : byHand);
        // A selection that needs no right on the audit log contains no event of it.
        if (isLog && selects(selection, event)) expect(selectsLog(selection)).toBe(true);
      }),
    );
  });

  it("have one group each", () => {
    expect(new Set(webhookFilters).size).toBe(webhookFilters.length);
  });

  it("give a webhook of a stack the updates of that stack and nothing else", () => {
    const update = fc.record({ stackId: fc.constantFrom("s1", "s2") });
    fc.assert(
      fc.property(
        fc.option(update, { nil: undefined }),
        fc.constantFrom(...webhookFilters),
        fc.nat(20),
        fc.nat(20),
        (ended, filter, seq, fromSeq) => {
          const hook = { stackId: "s1", filters: [], groups: [], fromSeq };
          const event = { record: { seq } as ChainRecord, filter, update: ended as never };
          if (isFor(hook, event)) {
            expect(ended?.stackId).toBe("s1");
            expect(seq).toBeGreaterThan(fromSeq);
          }
        },
      ),
    );
    expect(webhookFilters.filter(isOfStack)).toContain("update_failed");
    expect(webhookFilters.filter(isOfStack)).not.toContain("stack_deleted");
  });
});

describe("the records of the audit log", () => {
  it("are events of webhooks, or none, for every type", () => {
    const events = Object.keys(eventTypes).map((event) => [event, signalOf({ event, description: "", userLogin: "ada" })?.filter ?? ""]);
    const known = events.filter(([, filter]) => filter !== "");
    for (const [, filter] of known) expect(webhookFilters).toContain(filter);
    // For every filter that only Stackpass has, some record is its event.
    const ours = webhookFilters.filter((filter) => selectsLog({ filters: [filter], groups: [] }));
    const made = new Set([...known.map(([, filter]) => filter), signalOf({ event: "audit-stream-paused" })?.filter]);
    expect(ours.filter((filter) => !made.has(filter))).toEqual([]);
    // A pause that an administrator requested is not a failure.
    expect(signalOf({ event: "audit-stream-paused", userLogin: "ada" })).toBeUndefined();
  });

  it("name the update that ended in all their forms, and text of others names none", () => {
    for (const description of [
      `Completed an update of stack "acme/web/dev" (${ID}).`,
      `Failed a preview of stack "acme/web/dev" (${ID}). Its token was deleted.`,
      `Imported the state of stack "acme/web/dev" (${ID}).`,
      `Canceled an update of stack "acme/web/dev" (${ID}). Its client never received the start.`,
    ])
      expect(signalOf({ event: "stack-update-completed", description })).toEqual({ updateId: ID });
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (description) => {
        expect(signalOf({ event: "stack-update-completed", description })).toBeUndefined();
      }),
    );
  });

  it("become an event by the kind and the result of the update", () => {
    fc.assert(
      fc.property(fc.constantFrom(...updateKinds), fc.boolean(), fc.constantFrom(...updateStatuses), (kind, dryRun, status) => {
        const filter = filterOfUpdate(kind, dryRun, status);
        const isNone = status === "running" || status === "not started" || (kind === "rename" && !dryRun);
        expect(filter === undefined).toBe(isNone);
        if (filter === undefined) return;
        expect(webhookFilters).toContain(filter);
        expect(filter.endsWith("_succeeded")).toBe(status === "succeeded");
        expect(filter.startsWith("preview_")).toBe(dryRun || kind === "preview");
      }),
    );
  });
});

describe("a message", () => {
  const text = fc.string({ unit: "binary", maxLength: 50 });
  const record = fc
    .record({ userLogin: text, userName: text, tokenName: text, description: text, sourceIp: text })
    .map((members) => ({ ...members, id: "r", seq: 1, at: 1, event: "member-added", stack: "web/dev" }) as unknown as ChainRecord);
  const place = { org: "acme", origin: "https://stacks.example.com" };

  it("is JSON in every format, whatever names contain, and no name is markup in a chat", () => {
    fc.assert(
      fc.property(record, fc.constantFrom(...webhookFilters), (one, filter) => {
        const message = messageOfRecord(filter, one, place);
        for (const format of ["raw", "slack", "ms_teams"] as const) JSON.parse(bodyOf[format](message));
        const { text: fallback, blocks } = JSON.parse(bodyOf.slack(message)) as { text: string; blocks: { fields?: { type: string }[] }[] };
        expect(fallback).not.toMatch(/[<>]/);
        for (const { fields = [] } of blocks) for (const { type } of fields) expect(type).toBe("plain_text");
      }),
    );
  });

  it("of an update is as Pulumi's, and stays small for any number of changes", () => {
    const changes = JSON.stringify(Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`operation-${i}`, i])));
    const update = { id: ID, kind: "update", dryRun: false, status: "failed", version: 7, resourceChanges: changes, message: "m" } as const;
    const one = { id: "r", seq: 1, at: 1, userLogin: "ada", userName: "Ada", stack: "web/dev" } as unknown as ChainRecord;
    const message = messageOfUpdate(update, one, place);
    expect(JSON.parse(bodyOf.raw(message))).toMatchObject({
      user: { name: "Ada", githubLogin: "ada", avatarUrl: "" },
      organization: { name: "acme", githubLogin: "acme" },
      projectName: "web",
      stackName: "dev",
      updateUrl: "https://stacks.example.com/acme/web/dev/updates/7",
      kind: "update",
      result: "failed",
    });
    for (const format of ["raw", "slack", "ms_teams"] as const) expect(bodyOf[format](message).length).toBeLessThan(4000);
    const small = messageOfUpdate({ ...update, status: "succeeded", resourceChanges: '{"create":2,"same":5}' }, one, place);
    expect(JSON.parse(bodyOf.slack(small))).toEqual({
      text: "✅ Update of acme/web/dev succeeded",
      blocks: [
        {
          type: "section",
          text: { type: "mrkdwn", text: "*<https://stacks.example.com/acme/web/dev/updates/7|✅ Update of acme/web/dev succeeded>*" },
        },
        {
          type: "section",
          fields: ["By: ada", "Resources: 2 create, 5 same", "Message: m"].map((line) => ({
            type: "plain_text",
            text: line,
            emoji: false,
          })),
        },
      ],
    });
    expect(JSON.parse(bodyOf.ms_teams(small))).toMatchObject({
      type: "message",
      attachments: [{ content: { type: "AdaptiveCard", actions: [{ url: "https://stacks.example.com/acme/web/dev/updates/7" }] } }],
    });
  });
});
