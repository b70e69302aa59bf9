import * as fc from "fast-check";
import { expect, inject, it } from "vitest";
import { chooseMember, loginsFor, teamNamesFor } from "../../src/scim/account.ts";
import { parseFilter } from "../../src/scim/filter.ts";
import { patchGroup } from "../../src/scim/group.ts";
import { readChanges } from "../../src/scim/operations.ts";
import { owner } from "../../src/orgs/newName.ts";

const ids = fc.array(fc.constantFrom("a", "b", "c", "d", "e"), { maxLength: 4 });
const step = fc.oneof(
  fc.record({ kind: fc.constantFrom("add", "replace", "remove" as const), list: ids }),
  fc.record({ kind: fc.constant("one" as const), list: fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 1 }) }),
  fc.record({ kind: fc.constant("all" as const), list: fc.constant([] as string[]) }),
);

it("the members that a PATCH leaves are those that its operations leave one after the other", () => {
  fc.assert(
    fc.property(ids, fc.array(step, { minLength: 1, maxLength: 8 }), (before, steps) => {
      let expected = new Set(before);
      for (const { kind, list } of steps) {
        if (kind === "replace") expected = new Set(list);
        else if (kind === "all") expected = new Set();
        else if (kind === "add") for (const id of list) expected.add(id);
        else for (const id of list) expected.delete(id);
      }
      const Operations = steps.map(({ kind, list }) => {
        if (kind === "one") return { op: "remove", path: `members[value eq "${list[0]}"]` };
        if (kind === "all") return { op: "Remove", path: "members" };
        return { op: kind, path: "members", value: list.map((value) => ({ value })) };
      });
      const { members } = patchGroup({ displayName: "g", externalId: null }, readChanges({ Operations }), "id");
      const kept = before.filter((id) => (members.isWhole ? members.add.includes(id) : !members.remove.includes(id)));
      expect(new Set([...kept, ...members.add])).toEqual(expected);
    }),
    { numRuns: 1000, seed: inject("seed") },
  );
});

it.each([
  ['userName eq "a b"', [["username", "a b"]]],
  ['USERNAME EQ "q\\"uote\\\\"', [["username", 'q"uote\\']]],
  ["externalId eq jyoung", [["externalid", "jyoung"]]],
  [
    'urn:ietf:params:scim:schemas:core:2.0:User:userName eq "x" AND active eq True',
    [
      ["username", "x"],
      ["active", true],
    ],
  ],
  ['userName eq "and"', [["username", "and"]]],
  ['displayName eq "a[b] and (c)"', [["displayname", "a[b] and (c)"]]],
])("reads the filter %s", (filter, expected) => {
  expect(parseFilter(filter).map(({ attribute, value }) => [attribute, value])).toEqual(expected);
});

it("reads any text as a filter, or refuses it as one", () => {
  const word = fc.constantFrom("userName", "eq", "and", "or", "[", "]", "(", '"', "\\", '"a"', "true", ".value", " ", "emails[", "\ud800");
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(word).map((words) => words.join(" ")),
      ),
      (filter) => {
        try {
          expect(parseFilter(filter).length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toMatchObject({ status: 400, scimType: "invalidFilter" });
        }
      },
    ),
    { numRuns: 1000, seed: inject("seed") },
  );
});

it("makes legal names of any text", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: "grapheme" }), fc.emailAddress()), (text) => {
      for (const login of loginsFor(text, "0123456789ab")) expect(login).toMatch(owner);
      for (const name of teamNamesFor(text, "0123456789ab")) expect(name).toMatch(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/);
    }),
    { numRuns: 1000, seed: inject("seed") },
  );
});

it("chooses a member by subject, else by login, else by address, and never among several", () => {
  const member = (userId: string, by: Partial<Record<"bySubject" | "byLogin", boolean>> = {}) => ({
    userId,
    login: userId,
    bySubject: false,
    byLogin: false,
    isLastAdmin: false,
    ...by,
  });
  const [subject, login, address] = [member("s", { bySubject: true }), member("l", { byLogin: true }), member("a")];
  expect(chooseMember([address, login, subject], "x")?.userId).toBe("s");
  expect(chooseMember([address, login], "x")?.userId).toBe("l");
  expect(chooseMember([address], "x")?.userId).toBe("a");
  expect(chooseMember([], "x")).toBeUndefined();
  expect(() => chooseMember([address, member("b")], "x")).toThrow(/Several members/);
});
