import { beforeEach, expect, it } from "vitest";
import { settledLog } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { type NewToken, type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

/** Shows why organization tokens exist, from the first day to the last. */
it("a token for Jenkins stays valid when its creator leaves, and ends when an administrator deletes it", async () => {
  // Mel becomes an administrator and makes a token for Jenkins.
  await ok("PATCH", "/api/orgs/acme/members/mel", { token: world.admin, json: { role: "admin" } });
  const jenkins = await ok<NewToken>("POST", "/api/orgs/acme/tokens", { token: world.member, json: { name: "jenkins" } });
  await newStack(jenkins.tokenValue);
  await deploy(jenkins);

  // Mel leaves the company.
  await ok("DELETE", "/api/orgs/acme/members/mel", { token: world.admin });

  // Jenkins still deploys; Mel's own token does not even find the organization.
  await deploy(jenkins);
  expect(await refused(404, "POST", "/api/stacks/acme/web/dev/update", { token: world.member, json: {} })).toBe(
    "Not Found: Organization 'acme' not found",
  );

  // Two machine tokens, one of them with the role Admin, try to create a token, and both are refused.
  const root = await newOrgToken(world, "root", { admin: true });
  await changesNothing(async () => {
    for (const { tokenValue } of [jenkins, root])
      await refused(403, "POST", "/api/orgs/acme/tokens", { token: tokenValue, json: { name: "mine" } });
  });

  // The log names the actor and its token: first the person who made the token, and then the machine.
  const log = await settledLog();
  const made = log.find((event) => event.event === "organization-token-created" && event.description.includes(jenkins.id));
  expect(made).toMatchObject({ userLogin: "mel" });
  const deployed = log.filter((event) => event.event === "stack-update-completed");
  expect(deployed).toHaveLength(2);
  for (const event of deployed)
    expect(event).toMatchObject({ userLogin: "acme", tokenId: jenkins.id, tokenName: "jenkins", stack: "web/dev" });
  expect(log.filter((event) => event.authFailure).map((event) => [event.userLogin, event.tokenName])).toEqual([
    ["acme", "jenkins"],
    ["acme", "root"],
  ]);

  // An administrator deletes the token. The next write of Jenkins is refused, with the reason.
  await ok("DELETE", `/api/orgs/acme/tokens/${jenkins.id}`, { token: world.admin });
  await changesNothing(async () => {
    const response = await call("POST", "/api/stacks/acme/web/dev/update", { token: jenkins.tokenValue, json: {} });
    expect(response.status).toBe(401);
    expect(response.headers.get("X-Pulumi-Warning")).toMatch(/^organization token jenkins of acme was deleted on /);
  });
});

async function deploy({ tokenValue }: NewToken): Promise<void> {
  const update = await startUpdate(tokenValue);
  await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
}
