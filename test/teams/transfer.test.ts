import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { ok } from "../support/client.ts";
import { newStack, newWorld } from "../support/world.ts";
import { closeStacks, giveRole, newPerson, newRole } from "./people.ts";

it("whoever has a stack by a grant alone may move it to another organization, and has it there", async () => {
  const world = await newWorld();
  await closeStacks(world.admin);
  const token = await newPerson("tim");
  await giveRole("tim", await newRole("makers", ["stack:create"]));
  await env.DB.prepare(
    "INSERT INTO members (org_id, user_id, role, created_at, accepted_at) SELECT id, 'tim', 'member', 9e12, 0 FROM organizations WHERE name = 'globex'",
  ).run();
  await newStack(token, "web", "tims");
  await ok("POST", "/api/stacks/acme/web/tims/transfer", { token, json: { toOrg: "globex" } });
  await ok("PATCH", "/api/orgs/globex", { token: world.stranger, json: { setDefaultStackPermission: 0 } });
  expect(await ok("GET", "/api/user/stacks", { token })).toMatchObject({ stacks: [{ orgName: "globex", stackName: "tims" }] });
});
