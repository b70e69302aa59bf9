import { expect, it } from "vitest";
import { asTree, byName } from "../../src/console/stacks/ordered.ts";
import { lookAround } from "../../src/state/around.ts";
import { encode } from "../../src/state/json/json.ts";
import { type Leaf, listResources } from "../../src/state/tree.ts";

const leaf = (name: string, parent = "", type = "t"): Leaf => ({
  urn: `urn:${name}`,
  name,
  type,
  parent: parent && `urn:${parent}`,
  id: "",
  custom: true,
  leaving: false,
});
const names = (leaves: readonly Leaf[]) => leaves.map(({ name }) => name);

it("a list is sorted by type and then by name, in natural order", () => {
  const list = [leaf("b10", "", "y"), leaf("B2", "", "y"), leaf("z", "", "x9"), leaf("a", "", "x10")];
  expect(names(byName(list))).toEqual(["z", "a", "B2", "b10"]);
});

it("a tree has each resource once, after its parent, whatever the parents are", () => {
  expect(names(asTree([leaf("root"), leaf("b", "root"), leaf("a10", "root"), leaf("a9", "root"), leaf("deep", "b")]))).toEqual([
    "root",
    "a9",
    "a10",
    "b",
    "deep",
  ]);
  // A resource with an unknown parent, one that is its own parent, one whose parent comes later, and two resources with the same URN.
  const odd = [
    leaf("orphan", "nobody"),
    leaf("self", "self"),
    leaf("early", "late"),
    leaf("late"),
    leaf("twin"),
    leaf("twin"),
    leaf("child", "twin"),
  ];
  expect(names(asTree(odd)).toSorted()).toEqual(names(odd).toSorted());
});

it("a chain of any length is a tree", () => {
  const chain = Array.from({ length: 20_000 }, (_, i) => leaf(`n${i}`, i > 0 ? `n${i - 1}` : ""));
  expect(names(asTree(chain))).toEqual(names(chain));
});

async function* stateOf(resources: object[]) {
  yield encode(JSON.stringify({ version: 3, deployment: { manifest: {}, resources } }));
}

it("keeps 20,000 resources at most, and counts the others", async () => {
  const resources = Array.from({ length: 20_050 }, (_, i) => ({ urn: `urn:pulumi:d::p::t::n${i}`, custom: false, type: "t" }));
  const listing = await listResources(stateOf(resources), []);
  expect([listing.resources.length, listing.total, listing.left]).toEqual([20_000, 20_050, 50]);
  const found = await listResources(stateOf(resources), ["n2004"]);
  expect(names(found.resources)).toEqual(["n2004", ...Array.from({ length: 10 }, (_, i) => `n2004${i}`)]);
  expect(found.left).toBe(0);
});

it("finds words that JSON may write in another form", async () => {
  async function* state() {
    yield encode(
      '{"version":3,"deployment":{"manifest":{},"resources":[{"urn":"urn:pulumi:d::p::t::a\\u003cb","type":"\\u0074"},{"urn":"\\u0075rn:x::\\u00e9"},{"urn":"urn:z","id":"a\\/b"}]}}',
    );
  }
  for (const [word, found] of [
    ["a<b", 1],
    ["é", 1],
    ["urn:", 3],
    ["a/b", 1],
    ["u003c", 0],
  ] as const)
    expect((await listResources(state(), [word])).resources, word).toHaveLength(found);
  expect(await lookAround(state(), "urn:pulumi:d::p::t::a<b", 5)).toMatchObject({ resource: { name: "a<b", type: "t" } });
});

it("keeps fewer resources when their texts are long", async () => {
  const resources = Array.from({ length: 3000 }, (_, i) => ({
    urn: `urn:pulumi:d::p::t::${"x".repeat(4000)}${i}`,
    custom: false,
    type: "t",
  }));
  const listing = await listResources(stateOf(resources), []);
  expect(listing.resources.length).toBeLessThan(2200);
  expect(listing.left).toBe(3000 - listing.resources.length);
});
