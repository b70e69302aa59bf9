import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { ok, refused } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { type NewToken, type World, newOrgToken, newStack, newTeam, newWorld } from "../support/world.ts";
import { addTo, closeStacks, giveRole, grant, newPerson, newRole, team } from "./people.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
  await newTeam(world);
});

const tokens = `${team()}/tokens`;
const create = (token: string, name = "ci", more: Record<string, unknown> = {}) =>
  ok<NewToken>("POST", tokens, { token, json: { name, ...more } });
const giveTokenRole = (id: string, roleId: string) =>
  env.DB.prepare("UPDATE access_tokens SET role_id = ? WHERE id = ?").bind(roleId, id).run();

describe("a token of a team", () => {
  it("says whose it is, and its creation is one event", async () => {
    let made: NewToken;
    const events = await eventsOf(async () => (made = await create(world.admin)));
    expect(events).toMatchObject([
      {
        event: "team-token-created",
        description: `Created team token "ci" (${made!.id}) of team "platform".`,
        userLogin: "ada",
        reqOrgAdmin: true,
      },
    ]);
    expect(await ok("GET", "/api/user", { token: made!.tokenValue })).toMatchObject({
      githubLogin: "acme",
      tokenInfo: { name: "ci", organization: "", team: "platform" },
    });
    expect(await ok("GET", tokens, { token: world.admin })).toMatchObject({ tokens: [{ id: made!.id, name: "ci", type: "team" }] });
    expect(await ok("GET", "/api/orgs/acme/tokens", { token: world.admin })).toMatchObject({ tokens: [] });
  });

  it("has the rights of its team at each call", async () => {
    await newStack(world.admin);
    const { tokenValue: token } = await create(world.admin);
    await closeStacks(world.admin);
    const stack = "/api/stacks/acme/web/dev";
    await refused(403, "GET", stack, { token });
    await grant(world.admin, 101);
    await ok("GET", stack, { token });
    await refused(403, "POST", `${stack}/tags`, { token, json: { name: "a", value: "b" } });
    const role = await newRole("writers", ["stack:read", "stack_tags:update"]);
    await ok("POST", `${team()}/roles/${role}`, { token: world.admin });
    await ok("POST", `${stack}/tags`, { token, json: { name: "a", value: "b" } });
    await ok("DELETE", `${team()}/roles/${role}`, { token: world.admin });
    await refused(403, "POST", `${stack}/tags`, { token, json: { name: "c", value: "b" } });
    await grant(world.admin, 0);
    await refused(403, "GET", stack, { token });
  });

  it("makes stacks that are its team's", async () => {
    const one = await create(world.admin, "one");
    await newStack(one.tokenValue);
    await closeStacks(world.admin);
    const two = await create(world.admin, "two");
    await ok("DELETE", "/api/stacks/acme/web/dev", { token: two.tokenValue });
  });

  it("shares its name with no other machine token of the organization, also after its end", async () => {
    const { id } = await create(world.admin);
    await refused(409, "POST", "/api/orgs/acme/tokens", { token: world.admin, json: { name: "CI" } });
    await ok("DELETE", `${tokens}/${id}`, { token: world.admin });
    await refused(409, "POST", tokens, { token: world.admin, json: { name: "ci" } });
  });

  it("is deleted at once, with a receipt, and by the path of its own team alone", async () => {
    const { id, tokenValue } = await create(world.admin);
    await newTeam(world, "other");
    await changesNothing(async () => {
      await refused(404, "DELETE", `/api/orgs/acme/tokens/${id}`, { token: world.admin });
      await refused(404, "DELETE", `${team("other")}/tokens/${id}`, { token: world.admin });
      await refused(404, "DELETE", `${tokens}/${crypto.randomUUID()}`, { token: world.admin });
    });
    const events = await eventsOf(() => ok("DELETE", `${tokens}/${id}?reason=leaked`, { token: world.admin }));
    expect(events).toMatchObject([{ event: "team-token-deleted", description: `Deleted team token "ci" (${id}). Reason: leaked` }]);
    await refused(401, "GET", "/api/user", { token: tokenValue });
    expect(await ok("GET", `${tokens}/${id}/revocation`, { token: world.admin })).toMatchObject({ tokenId: id, name: "ci" });
    await ok("DELETE", `${tokens}/${id}`, { token: world.admin });
  });

  it("is limited, disabled, enabled and rotated as an organization token is", async () => {
    const { id, tokenValue: token } = await create(world.admin, "ci", { mayRotateItself: true });
    const one = `${tokens}/${id}`;
    const as = { token: world.admin };
    expect(await ok("PATCH", one, { ...as, json: { ipAllowList: ["192.0.2.0/24"] } })).toMatchObject({ ipAllowList: ["192.0.2.0/24"] });
    await refused(403, "GET", "/api/user", { token });
    await ok("PATCH", one, { ...as, json: { ipAllowList: [] } });
    const events = await eventsOf(async () => {
      await ok("POST", `${one}/disable`, as);
      await refused(401, "GET", "/api/user", { token });
      await ok("POST", `${one}/enable`, as);
    });
    expect(events.map(({ event }) => event)).toEqual(["team-token-disabled", "auth-failure-token-disabled", "team-token-enabled"]);
    const next = await ok<NewToken>("POST", `${one}/rotate`, { ...as, json: { overlap: 0 } });
    await refused(401, "GET", "/api/user", { token });
    const itself = await ok<NewToken>("POST", "/api/user/token/rotate", { token: next.tokenValue, json: {} });
    expect(await ok("GET", "/api/user", { token: itself.tokenValue })).toMatchObject({ tokenInfo: { team: "platform" } });
    for (const what of ["impact", "usage"]) await ok("GET", `${tokens}/${itself.id}/${what}`, as);
    await ok("POST", "/api/token-leaks", { json: { token: itself.tokenValue } });
    await refused(401, "GET", "/api/user", { token: itself.tokenValue });
    expect(await ok("GET", `${tokens}/${itself.id}`, as)).toMatchObject({ status: "disabled", disabledReason: "leaked" });
  });

  it("ends with its team, as at once as by a deletion", async () => {
    const { id, tokenValue: token } = await create(world.admin);
    await ok("GET", "/api/user", { token });
    const events = await eventsOf(() => ok("DELETE", team(), { token: world.admin }));
    expect(events).toMatchObject([{ event: "team-deleted", description: `Deleted team "platform", and ended its tokens: ci (${id}).` }]);
    await changesNothing(() => refused(401, "POST", "/api/stacks/acme/web", { token, json: { stackName: "dev" } }));
    await refused(401, "GET", "/api/user", { token });
    // A new team of the same name has nothing of the old team.
    await newTeam(world);
    await refused(404, "GET", `${tokens}/${id}`, { token: world.admin });
  });
});

describe("who makes tokens of a team:", () => {
  it("an administrator of the team, and no plain member", async () => {
    await addTo(world.admin, "mel");
    const json = { name: "ci" };
    const events = await eventsOf(() => changesNothing(() => refused(403, "POST", tokens, { token: world.member, json })));
    expect(events).toMatchObject([{ event: "auth-failure-organization-role", userLogin: "mel" }]);
    await refused(403, "GET", tokens, { token: world.member });
    await addTo(world.admin, "mel", "platform", "promote");
    const { id } = await create(world.member);
    await ok("GET", tokens, { token: world.member });
    await ok("DELETE", `${tokens}/${id}`, { token: world.member });
    await refused(403, "DELETE", `${tokens}/${id}?withDescendants=true`, { token: world.member });
  });

  it("no administrator of it who has less in the organization than its tokens", async () => {
    await addTo(world.admin, "bill");
    await addTo(world.admin, "bill", "platform", "promote");
    await changesNothing(() => refused(403, "POST", tokens, { token: world.billing, json: { name: "ci" } }));
  });

  it("an admin organization token, and no other machine", async () => {
    const root = await newOrgToken(world, "root", { admin: true });
    const plain = await newOrgToken(world, "plain");
    const { id, tokenValue } = await create(root.tokenValue);
    const role = await newRole("tokens", ["team:create_token", "team:delete_token"]);
    await ok("POST", `${team()}/roles/${role}`, { token: world.admin });
    await changesNothing(async () => {
      await refused(403, "POST", tokens, { token: plain.tokenValue, json: { name: "b" } });
      // The call is refused even if a role of the team has the right.
      await refused(403, "POST", tokens, { token: tokenValue, json: { name: "b" } });
      await refused(403, "POST", `${tokens}/${id}/rotate`, { token: tokenValue, json: {} });
    });
    await ok("DELETE", `${tokens}/${id}`, { token: root.tokenValue });
  });

  it("no machine with the right whose own rights are less than the team's", async () => {
    const { id, tokenValue: token } = await newOrgToken(world, "minter");
    await giveTokenRole(id, await newRole("minter", ["team:create_token"]));
    // A token of the team would have the rights of a member, who may write to stacks.
    await changesNothing(() => refused(403, "POST", tokens, { token, json: { name: "b" } }));
    await closeStacks(world.admin);
    await giveTokenRole(id, await newRole("reader", ["team:create_token", "team:read"]));
    await create(token, "c");
    await newStack(world.admin);
    await grant(world.admin, 101);
    await changesNothing(() => refused(403, "POST", tokens, { token, json: { name: "d" } }));
  });

  it("a person with the right, as far as the own rights go", async () => {
    const token = await newPerson("tim");
    await closeStacks(world.admin);
    await giveRole("tim", await newRole("minter", ["team:create_token", "team:read"]));
    await create(token);
    await ok("POST", `${team()}/roles/${await newRole("more", ["audit_logs:read"])}`, { token: world.admin });
    await changesNothing(() => refused(403, "POST", tokens, { token, json: { name: "d" } }));
  });

  it("nobody in an edition without machine tokens", async () => {
    await env.DB.prepare(
      "UPDATE organizations SET edition = 'community', trial_ends_at = 0, settings_version = settings_version + 1",
    ).run();
    await addTo(world.admin, "mel");
    await addTo(world.admin, "mel", "platform", "promote");
    for (const token of [world.admin, world.member])
      expect(await refused(403, "POST", tokens, { token, json: { name: "ci" } })).toContain("Team access tokens can be created only");
  });
});
