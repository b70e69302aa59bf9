import { beforeEach, describe, expect, it } from "vitest";
import { ok, refused } from "../support/client.ts";
import { type NewToken, type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
let token: NewToken;
beforeEach(async () => {
  world = await newWorld();
  token = await newOrgToken(world, "ci");
  await newStack(world.member);
  await newStack(world.member, "web", "other");
});

const encrypt = (stack: string, name = "encrypt", json: object = { plaintext: "aGk=" }) =>
  ["POST", `/api/stacks/acme/${stack}/${name}`, { token: token.tokenValue, json }] as const;
const end = () => ok("DELETE", `/api/orgs/acme/tokens/${token.id}`, { token: world.admin });

describe("a token deleted in the middle of its update", () => {
  it("may still encrypt what that update has to write, and finish it", async () => {
    const update = await startUpdate(token.tokenValue);
    await end();
    await ok(...encrypt("web/dev"));
    expect(await ok(...encrypt("web/dev", "batch-encrypt", { plaintexts: ["aGk="] }))).toHaveProperty("ciphertexts");
    await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
    await refused(401, ...encrypt("web/dev"));
  });

  it("may do nothing else: not decrypt, export, start, or encrypt elsewhere", async () => {
    const { ciphertext } = await ok<{ ciphertext: string }>(...encrypt("web/dev"));
    await startUpdate(token.tokenValue);
    await end();
    await refused(401, ...encrypt("web/dev", "decrypt", { ciphertext }));
    await refused(401, ...encrypt("web/dev", "update", {}));
    await refused(401, "GET", "/api/stacks/acme/web/dev/export", { token: token.tokenValue });
    await refused(401, "GET", "/api/user", { token: token.tokenValue });
    await refused(401, ...encrypt("web/other"));
  });

  it("may not encrypt for a preview, or for the update of another token", async () => {
    await startUpdate(token.tokenValue, { dryRun: true });
    await startUpdate(world.member);
    await end();
    await refused(401, ...encrypt("web/dev"));
  });
});
