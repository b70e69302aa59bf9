import { beforeEach, it } from "vitest";
import { ok, refused } from "../support/client.ts";
import { type World, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
  await newStack(world.member);
  await newStack(world.member, "web", "other");
});

it("takes a lease only under the path of its own stack and update", async () => {
  const update = await startUpdate(world.member);
  const complete = { lease: update.lease, json: { status: "succeeded" } };
  await refused(403, "POST", `/api/stacks/acme/web/other/update/${update.id}/complete`, complete);
  await refused(403, "POST", `/api/stacks/acme/web/dev/update/${crypto.randomUUID()}/complete`, complete);
  await refused(403, "POST", `${update.path}/complete`, { ...complete, lease: `${update.lease}.more` });
  await ok("POST", `${update.path}/complete`, complete);
});
