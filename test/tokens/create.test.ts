import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { newTokenValue, peppersOf } from "../../src/auth/secret.ts";
import { eventsOf } from "../support/audit.ts";
import { signIn } from "../support/browser.ts";
import { call, ok, refused } from "../support/client.ts";
import { changesNothing, everythingStored } from "../support/stored.ts";
import { type NewToken, type World, newOrgToken, newTeamToken, newWorld } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

const path = "/api/orgs/acme/tokens";
const create = (json: unknown) => call("POST", path, { token: world.admin, json });
const rowOf = (id: string) => env.DB.prepare("SELECT * FROM access_tokens WHERE id = ?").bind(id).first<Record<string, unknown>>();
const soon = () => Math.floor(Date.now() / 1000) + 3600;

describe("an organization token", () => {
  it("has a value that secret scanners know, and works at once", async () => {
    const { id, tokenValue } = await newOrgToken(world, "ci");
    expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(tokenValue).toMatch(/^pul-[0-9a-f]{40}$/);
    const user = await ok<{ githubLogin: string; tokenInfo: unknown }>("GET", "/api/user", { token: tokenValue });
    expect(user).toMatchObject({ githubLogin: "acme", tokenInfo: { name: "ci", organization: "acme" } });
  });

  it("shows its value once: no list, no log and no store has it, whole or in part", async () => {
    const { tokenValue } = await newOrgToken(world, "ci");
    await ok("GET", "/api/user", { token: tokenValue });
    await ok("GET", `${path}?filter=all`, { token: world.admin }).then((list) =>
      expect(JSON.stringify(list)).not.toContain(tokenValue.slice(4)),
    );
    const stored = await everythingStored([]);
    expect(stored).not.toContain(tokenValue.slice(4));
    expect(stored).not.toContain(tokenValue.slice(4, 36));
    expect(stored).not.toContain(tokenValue.slice(-20));
  });

  it("has the documented defaults where a field is absent or null", async () => {
    for (const [i, json] of [{}, { description: null, admin: null, expires: null }].entries()) {
      const { id } = await ok<NewToken>("POST", path, { token: world.admin, json: { name: `ci-${i}`, ...json } });
      expect(await rowOf(id)).toMatchObject({ kind: "organization", description: "", role: "member", expires_at: null, deleted_at: null });
    }
    const { id } = await ok<NewToken>("POST", path, { token: world.admin, json: { name: "forever", expires: 0 } });
    expect(await rowOf(id)).toMatchObject({ expires_at: null });
  });

  it("keeps the fields of its request", async () => {
    const expires = soon();
    const { id } = await newOrgToken(world, "ci", { description: "deploys", admin: true, expires });
    const { tokens } = await ok<{ tokens: unknown[] }>("GET", path, { token: world.admin });
    const role = { id: expect.stringMatching(/^admin\.[0-9a-f-]{36}$/) as string, name: "Admin", defaultIdentifier: "admin" };
    expect(tokens).toEqual([
      {
        id,
        name: "ci",
        description: "deploys",
        created: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
        createdBy: "ada",
        lastUsed: 0,
        expires,
        admin: true,
        role,
        type: "organization",
        status: "active",
        madeWith: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
        displayName: "ci",
        ipAllowList: [],
        countryAllowList: [],
        mayRotateItself: false,
        generation: 1,
      },
    ]);
  });

  it("is one event, by the person, with the reason that was given", async () => {
    let id = "";
    const events = await eventsOf(async () => {
      ({ id } = await ok<NewToken>("POST", `${path}?reason=new%20runner`, { token: world.admin, json: { name: "ci" } }));
    });
    expect(events).toMatchObject([
      {
        event: "organization-token-created",
        description: `Created organization token "ci" (${id}). Reason: new runner`,
        userLogin: "ada",
        reqOrgAdmin: true,
        sourceIp: "203.0.113.9",
      },
    ]);
  });

  it("ignores fields that it does not know", async () => {
    expect((await create({ name: "ci", organization: "acme", somethingNew: { a: 1 } })).status).toBe(200);
  });
});

describe("a name", () => {
  it.each([["a"], ["A-b_9"], ["x".repeat(40)], ["_"]])("may be %s", async (name) => {
    expect((await create({ name })).status).toBe(200);
  });

  it.each([[""], ["x".repeat(41)], ["a b"], [" a"], ["a/b"], ["ü"], ["a\n"], ["a.b"], [null], [7], [undefined]])(
    "may not be %j",
    async (name) => {
      await changesNothing(async () =>
        expect(await refused(400, "POST", path, { token: world.admin, json: { name } })).toMatch(/^Bad Request: /),
      );
    },
  );

  it("with a character that is not allowed is refused in the words that scripts know", async () => {
    const message = await refused(400, "POST", path, { token: world.admin, json: { name: "a b" } });
    expect(message).toContain("Token name may only contain alphanumeric, hyphens, or underscores");
  });

  const taken = "Conflict: token name already exists";

  it("is taken whatever its case, and whoever has it", async () => {
    await newOrgToken(world, "CI");
    await newTeamToken("platform");
    await changesNothing(async () => {
      expect(await refused(409, "POST", path, { token: world.admin, json: { name: "ci" } })).toBe(taken);
      expect(await refused(409, "POST", path, { token: world.admin, json: { name: "Team-Platform" } })).toBe(taken);
    });
  });

  it("stays taken after the token was deleted", async () => {
    const { id } = await newOrgToken(world, "ci");
    await ok("DELETE", `${path}/${id}`, { token: world.admin });
    const events = await eventsOf(async () =>
      expect(await refused(409, "POST", path, { token: world.admin, json: { name: "CI" } })).toMatch(
        /^Conflict: token name already exists: the token 'ci', which was deleted on 20\d\d-\d\d-\d\d, keeps it\. Names of deleted tokens stay reserved/,
      ),
    );
    expect(events).toEqual([]);
    // A token that was only disabled is still in the list.
    const idle = await newOrgToken(world, "idle");
    await ok("POST", `${path}/${idle.id}/disable`, { token: world.admin });
    expect(await refused(409, "POST", path, { token: world.admin, json: { name: "idle" } })).toBe(taken);
    // The same holds for the name in the request for a rotation.
    expect(await refused(409, "POST", `${path}/${idle.id}/rotate`, { token: world.admin, json: { name: "ci" } })).toContain(
      "Names of deleted tokens stay reserved",
    );
  });

  it("is free in another organization", async () => {
    await newOrgToken(world, "ci");
    await ok("POST", "/api/orgs/globex/tokens", { token: world.stranger, json: { name: "ci" } });
  });

  it("goes to one of ten requests for it at the same time", async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => create({ name: "ci" })));
    expect(answers.map((answer) => answer.status).sort((a, b) => a - b)).toEqual([200, ...Array.from({ length: 9 }, () => 409)]);
  });
});

describe("an expiry", () => {
  it.each([
    ["now", () => Math.floor(Date.now() / 1000)],
    ["in the past", () => Math.floor(Date.now() / 1000) - 1],
    ["negative", () => -1],
    ["more than two years away", () => Math.floor(Date.now() / 1000) + 2 * 366 * 86_400],
    ["in milliseconds", () => Date.now() + 3_600_000],
    ["a fraction", () => soon() + 0.5],
    ["text", () => String(soon())],
    ["beyond all numbers", () => 1e300],
  ])("%s is refused", async (_, expires) => {
    await changesNothing(() => refused(400, "POST", path, { token: world.admin, json: { name: "ci", expires: expires() } }));
  });

  it("of almost two years is fine", async () => {
    await newOrgToken(world, "ci", { expires: Math.floor(Date.now() / 1000) + 729 * 86_400 });
  });
});

describe("nobody but a person who is an administrator makes one:", () => {
  it.each([
    ["a member", async () => world.member, "mel"],
    ["a billing manager", async () => world.billing, "bill"],
    ["an organization token", async () => (await newOrgToken(world, "ci")).tokenValue, "acme"],
    ["an admin organization token", async () => (await newOrgToken(world, "root", { admin: true })).tokenValue, "acme"],
    ["a team token", () => newTeamToken(), "acme"],
  ])("%s gets 403, and it is in the log", async (_, credential, userLogin) => {
    const token = await credential();
    const events = await eventsOf(() =>
      changesNothing(async () => {
        expect(await refused(403, "POST", path, { token, json: { name: "mine" } })).toMatch(
          /^You do not have permission to perform this operation: ./,
        );
      }),
    );
    expect(events).toMatchObject([{ event: "auth-failure-organization-role", userLogin, authFailure: true }]);
  });

  it("the administrator of another organization does not find this one, and leaves no trace in its log", async () => {
    const events = await eventsOf(() =>
      changesNothing(async () => {
        expect(await refused(404, "POST", path, { token: world.stranger, json: { name: "mine" } })).toBe(
          "Not Found: Organization 'acme' not found",
        );
      }),
    );
    expect(events).toEqual([]);
  });
});

describe("a personal token", () => {
  it("has its person's rights everywhere", async () => {
    const { tokenValue } = await ok<NewToken>("POST", "/api/user/tokens", { token: world.admin, json: { description: "laptop" } });
    expect(tokenValue).toMatch(/^pul-[0-9a-f]{40}$/);
    await ok("POST", path, { token: tokenValue, json: { name: "ci" } });
    expect(await ok("GET", "/api/user", { token: tokenValue })).toMatchObject({ githubLogin: "ada" });
    expect(await ok("GET", "/api/user", { token: tokenValue })).not.toHaveProperty("tokenInfo");
  });

  it("is in the log of an organization that its person has just joined: its creation, its deletion and its sign-in", async () => {
    const joins = async () => {
      await ok("GET", "/api/user", { token: world.stranger });
      const { id } = await ok<{ id: string }>("POST", "/api/orgs/acme/invites/link", { token: world.admin, json: { role: "member" } });
      await ok("PATCH", `/api/orgs/acme/invites/${id}`, { token: world.stranger });
    };
    const leaves = () => ok("DELETE", "/api/orgs/acme/members/gus", { token: world.admin });
    const told = async (work: () => Promise<unknown>) => {
      await joins();
      const events = await eventsOf(work);
      await leaves();
      const acme = await env.DB.prepare("SELECT id FROM organizations WHERE name = 'acme'").first<string>("id");
      return events.filter(({ orgId }) => orgId === acme).map(({ event }) => event);
    };
    let id = "";
    const make = async () => void ({ id } = await ok<{ id: string }>("POST", "/api/user/tokens", { token: world.stranger, json: {} }));
    expect(await told(make)).toEqual(["personal-token-created"]);
    expect(await told(() => ok("DELETE", `/api/user/tokens/${id}`, { token: world.stranger }))).toEqual(["personal-token-deleted"]);
    expect(await told(() => signIn(world.stranger))).toEqual(["user-login"]);
  });

  it("takes an empty body, and no expiry in the past", async () => {
    await ok("POST", "/api/user/tokens", { token: world.member });
    await changesNothing(() => refused(400, "POST", "/api/user/tokens", { token: world.member, json: { expires: 1 } }));
  });

  it.each([
    ["root", true],
    ["ci", false],
  ])("is not made by a machine: %s", async (name, admin) => {
    const { tokenValue } = await newOrgToken(world, name, { admin });
    const events = await eventsOf(() => changesNothing(() => refused(403, "POST", "/api/user/tokens", { token: tokenValue, json: {} })));
    expect(events).toMatchObject([{ userLogin: "acme", tokenName: name, authFailure: true }]);
  });
});

it("refuses an invented value without a round trip", async () => {
  const other = await newTokenValue(["another pepper"]);
  const response = await call("GET", "/api/user", { token: other.value });
  expect(response.status).toBe(401);
  expect(response.headers.get("Server-Timing")).toBe('d1;desc="0"');
  const good = await newTokenValue(peppersOf(env.TOKEN_PEPPER));
  expect((await call("GET", "/api/user", { token: good.value })).status).toBe(401);
});
