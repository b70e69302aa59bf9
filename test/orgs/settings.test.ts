import { beforeEach, describe, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, newOrgToken, newStack, newWorld } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
  world = { ...world, admin: await tenDayToken(world.admin), member: await tenDayToken(world.member) };
});

/** Changes a setting from a network and a country that the settings of these tests allow. */
const set = (json: Record<string, unknown>) => ok("PATCH", "/api/orgs/acme", { token: world.admin, json, country: "DE" });
const metadata = (token = world.member) => ok("GET", "/api/orgs/acme/metadata", { token, country: "DE" });
/** A token that meets the policy on expiry. */
const tenDayToken = async (token: string) =>
  (await ok<{ tokenValue: string }>("POST", "/api/user/tokens", { token, json: { expires: Math.floor(Date.now() / 1000) + 864_000 } }))
    .tokenValue;

const everything = {
  setDefaultStackPermission: 101,
  setMembersCanCreateStacks: false,
  setMembersCanDeleteStacks: false,
  setMembersCanTransferStacks: false,
  setMaxAccessTokenExpiryDays: 30,
  setInFlightRevocation: "abort",
  setMaxDrainHours: 2,
  setAuditRetentionDays: 365,
  setDisableUnusedTokensAfterDays: 90,
  setAllowedCidrs: ["203.0.113.0/24", "2001:db8::/32"],
  setAllowedCountries: ["DE", "AT"],
};

describe("an organization's settings", () => {
  it("open everything to members at first", async () => {
    expect(await metadata()).toMatchObject({
      kind: "pulumi",
      userRole: "member",
      memberCount: 3,
      stackCount: 0,
      defaultStackPermission: 103,
      membersCanCreateStacks: true,
      membersCanDeleteStacks: true,
      membersCanTransferStacks: true,
      inFlightRevocation: "drain",
      maxDrainHours: 24,
      allowedCidrs: [],
      allowedCountries: [],
    });
    expect(await metadata()).not.toHaveProperty("maxAccessTokenExpiryDays");
  });

  it("are read as they were set, by anyone in the organization", async () => {
    const answer = await set(everything);
    const expected = Object.fromEntries(Object.entries(everything).map(([name, value]) => [name[3]!.toLowerCase() + name.slice(4), value]));
    expect(answer).toMatchObject(expected);
    expect(await metadata()).toMatchObject(expected);
  });

  it("keep what a request does not name, treat null as absent, and ignore unknown names", async () => {
    await set(everything);
    await changesNothing(() => set({ setMembersCanCreateStacks: null, setAiEnablement: null, setNeoEnabled: false, unknown: 1 }));
    expect(await set({ setMembersCanCreateStacks: true })).toMatchObject({ membersCanCreateStacks: true, membersCanDeleteStacks: false });
  });

  it.each([
    ["setAiEnablement", "enabled"],
    ["setMembersCanCreateTeams", true],
    ["setDefaultEnvironmentPermission", "read"],
    ["setPreferredVCS", "github"],
    ["setNeoEnabled", true],
    ["setDefaultAgentPoolID", "pool"],
    ["setDefaultAccountPermission", 1],
    ["setNaturalLanguageSearchDisabled", false],
  ])("are refused where the feature is not supported: %s", async (name, value) => {
    await changesNothing(async () => {
      const message = await refused(400, "PATCH", "/api/orgs/acme", {
        token: world.admin,
        json: { [name]: value, setMembersCanDeleteStacks: false },
      });
      expect(message).toContain(`${name} can only be `);
      expect(message).toContain("is not supported");
    });
  });

  it("are cleared by 0 and by empty lists", async () => {
    await set(everything);
    const cleared = await set({
      setMaxAccessTokenExpiryDays: 0,
      setAuditRetentionDays: 0,
      setDisableUnusedTokensAfterDays: 0,
      setAllowedCidrs: [],
      setAllowedCountries: [],
    });
    for (const name of ["maxAccessTokenExpiryDays", "auditRetentionDays", "disableUnusedTokensAfterDays"])
      expect(cleared).not.toHaveProperty(name);
    expect(cleared).toMatchObject({ allowedCidrs: [], allowedCountries: [] });
  });

  it("take a single address for a network, and countries in any case", async () => {
    expect(await set({ setAllowedCidrs: ["203.0.113.9", "::1"], setAllowedCountries: ["de"] })).toMatchObject({
      allowedCidrs: ["203.0.113.9/32", "::1/128"],
      allowedCountries: ["DE"],
    });
  });

  it.each([
    { setDefaultStackPermission: 104 },
    { setDefaultStackPermission: "write" },
    { setMembersCanCreateStacks: "yes" },
    { setMaxAccessTokenExpiryDays: 3651 },
    { setMaxAccessTokenExpiryDays: -1 },
    { setMaxAccessTokenExpiryDays: 1.5 },
    { setInFlightRevocation: "ignore" },
    { setAuditRetentionDays: -1 },
    { setAllowedCidrs: ["everywhere"] },
    { setAllowedCidrs: ["192.0.2.0/33"] },
    { setAllowedCidrs: "192.0.2.0/24" },
    // The first network has bits after its prefix, so it would contain no address.
    { setAllowedCidrs: ["203.0.113.9/24", "0.0.0.0/0"] },
    { setAllowedCidrs: ["::ffff:203.0.113.9/128", "0.0.0.0/0"] },
    { setAllowedCidrs: Array.from({ length: 101 }, () => "192.0.2.0/24") },
    { setAllowedCountries: ["Germany"] },
    // These settings would lock out the caller.
    { setAllowedCidrs: ["192.0.2.0/24"] },
    { setAllowedCountries: ["DE"] },
    [],
  ])("refuse %j and stay", async (json) => {
    await changesNothing(() => refused(400, "PATCH", "/api/orgs/acme", { token: world.admin, json }));
  });

  it("are an administrator's to change", async () => {
    const machine = await newOrgToken(world, "root", { admin: true });
    const standard = await newOrgToken(world, "ci");
    expect(await ok("PATCH", "/api/orgs/acme", { token: machine.tokenValue, json: { setAuditRetentionDays: 7 } })).toMatchObject({
      auditRetentionDays: 7,
    });
    for (const token of [world.member, world.billing, standard.tokenValue])
      await refused(403, "PATCH", "/api/orgs/acme", { token, json: { setAuditRetentionDays: 8 } });
    await refused(404, "PATCH", "/api/orgs/acme", { token: world.stranger, json: {} });
    await refused(404, "GET", "/api/orgs/acme/metadata", { token: world.stranger });
  });

  it("are audited with what they were and what they became; a request that changes nothing is not", async () => {
    const events = await eventsOf(async () => {
      await set({
        setInFlightRevocation: "abort",
        setMaxAccessTokenExpiryDays: 30,
        setDefaultStackPermission: 102,
        setAllowedCountries: ["DE"],
      });
      await set({ setInFlightRevocation: "abort" });
      await set({ setMaxAccessTokenExpiryDays: 0, setAllowedCountries: [] });
    });
    expect(events.map(({ event, userLogin, description }) => ({ event, userLogin, description }))).toEqual([
      {
        event: "organization-settings-changed",
        userLogin: "ada",
        description:
          "Changed defaultStackPermission from admin to write; maxAccessTokenExpiryDays from none to 30; inFlightRevocation from drain to abort; allowedCountries from none to DE.",
      },
      {
        event: "organization-settings-changed",
        userLogin: "ada",
        description: "Changed maxAccessTokenExpiryDays from 30 to none; allowedCountries from DE to none.",
      },
    ]);
  });

  it("changed by ten at once are all changed, and each is told once", async () => {
    const events = await eventsOf(() =>
      Promise.all(
        Array.from({ length: 10 }, (_, i) =>
          call("PATCH", "/api/orgs/acme", {
            token: world.admin,
            json: i % 2 ? { setAuditRetentionDays: i } : { setInFlightRevocation: "abort" },
          }),
        ),
      ),
    );
    expect(events.filter((event) => event.description.includes("inFlightRevocation"))).toHaveLength(1);
    const chain = events.map((event) => /auditRetentionDays from (\S+?) to (\S+?)[;.]/.exec(event.description)).filter(Boolean);
    expect(new Set(chain.map((step) => step![1])).size).toBe(chain.length);
  });
});

describe("a setting that changed", () => {
  it("holds at the next write, also for a token whose identity is cached", async () => {
    const ci = await newOrgToken(world, "ci");
    for (const token of [world.member, ci.tokenValue]) await ok("GET", "/api/user", { token });
    await newStack(world.member, "web", "dev");
    await set({ setMembersCanCreateStacks: false });
    for (const token of [world.member, ci.tokenValue]) {
      await refused(403, "POST", "/api/stacks/acme/web", { token, json: { stackName: "new" } });
      await ok("GET", "/api/stacks/acme/web/dev", { token });
    }
    await newStack(world.admin, "web", "new");
    await set({ setMembersCanCreateStacks: true });
    await newStack(ci.tokenValue, "web", "newer");
  });

  it("takes stacks out of a member's sight, and gives them back", async () => {
    const ci = await newOrgToken(world, "ci");
    await newStack(world.admin, "web", "dev");
    const stacks = async (token: string) =>
      (await ok<{ stacks: unknown[] }>("GET", "/api/user/stacks?organization=acme", { token })).stacks;
    await set({ setDefaultStackPermission: 0 });
    for (const token of [world.member, ci.tokenValue]) {
      expect(await stacks(token)).toEqual([]);
      await refused(403, "GET", "/api/stacks/acme/web/dev", { token });
      await refused(403, "GET", "/api/stacks/acme/web/dev/export", { token });
      await refused(403, "POST", "/api/stacks/acme/web/dev/batch-decrypt", { token, json: { ciphertexts: [] } });
    }
    expect(await stacks(world.admin)).toHaveLength(1);
    await set({ setDefaultStackPermission: 101 });
    for (const token of [world.member, ci.tokenValue]) {
      expect(await stacks(token)).toHaveLength(1);
      await ok("GET", "/api/stacks/acme/web/dev/export", { token });
      await refused(403, "POST", "/api/stacks/acme/web/dev/update", { token, json: {} });
      await refused(403, "DELETE", "/api/stacks/acme/web/dev", { token });
    }
    await set({ setDefaultStackPermission: 102 });
    await ok("POST", "/api/stacks/acme/web/dev/update", { token: world.member, json: {} });
    await refused(403, "DELETE", "/api/stacks/acme/web/dev", { token: world.member });
  });
});

describe("a policy on expiry that would refuse the token of its own request", () => {
  const days = (n: number) => Math.floor(Date.now() / 1000) + n * 86_400;
  const personal = async (expires: number) =>
    (await ok<{ tokenValue: string }>("POST", "/api/user/tokens", { token: world.admin, json: { description: "", expires } })).tokenValue;
  const shorten = (token: string, json: Record<string, unknown>) => call("PATCH", "/api/orgs/acme", { token, json });

  it.each([
    ["that never ends", 0, 30],
    ["that never ends", 0, 3650],
    ["that ends a day too late", 31, 30],
  ])("is refused for a token %s, and nothing is changed", async (_, life, most) => {
    const token = await personal(life && days(life));
    await changesNothing(async () => {
      const response = await shorten(token, { setMaxAccessTokenExpiryDays: most, setMembersCanDeleteStacks: false });
      expect(response.status).toBe(400);
      const { message } = await response.json<{ message: string }>();
      expect(message).toContain(`a maximum of ${most} days would refuse the access token of this request`);
    });
    await ok("GET", "/api/orgs/acme/metadata", { token });
  });

  it("is set with a token that it does not shut out, and taken back by it", async () => {
    const token = await personal(days(29));
    expect((await shorten(token, { setMaxAccessTokenExpiryDays: 30 })).status).toBe(200);
    await refused(403, "GET", "/api/orgs/acme/metadata", { token: await personal(0) });
    expect((await shorten(token, { setMaxAccessTokenExpiryDays: 10 })).status).toBe(400);
    expect((await shorten(token, { setMaxAccessTokenExpiryDays: 0 })).status).toBe(200);
  });

  it("is set by force", async () => {
    const token = await personal(0);
    expect((await shorten(token, { setMaxAccessTokenExpiryDays: 30, force: false })).status).toBe(400);
    expect((await shorten(token, { setMaxAccessTokenExpiryDays: 30, force: true })).status).toBe(200);
    await refused(403, "PATCH", "/api/orgs/acme", { token, json: { setMaxAccessTokenExpiryDays: 0 } });
    expect((await shorten(await personal(days(5)), { setMaxAccessTokenExpiryDays: 0 })).status).toBe(200);
  });

  it("does not stop a change of other settings", async () => {
    expect((await shorten(await personal(0), { setMembersCanDeleteStacks: false })).status).toBe(200);
  });
});
