import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { Bindings } from "../../src/env.ts";
import { disableUnusedTokens } from "../../src/tokens/unused.ts";
import { eventsOf } from "../support/audit.ts";
import { newVisitor, shown, signIn } from "../support/browser.ts";
import { call, ok, refused } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { type NewToken, type World, newOrgToken, newStack, newWorld } from "../support/world.ts";

/** gus, the administrator of globex, adds people of acme who were never asked. */
let world: World;
beforeEach(async () => {
  world = await newWorld();
});

const PAGE = "/user/settings/organizations";
const addTo = (login: string, role = "member", token = world.stranger) =>
  ok("POST", `/api/orgs/globex/members/${login}`, { token, json: { role } });
const accept = (token: string, org = "globex") => ok("POST", `/api/user/organizations/${org}/accept`, { token });
const defaultOf = async (token: string) =>
  (await ok<{ GitHubLogin: string }>("GET", "/api/user/organizations/default", { token })).GitHubLogin;
const orgIdOf = async (name: string) =>
  (await env.DB.prepare("SELECT id FROM organizations WHERE name = ?").bind(name).first<string>("id"))!;
const inGlobex = async (work: () => Promise<unknown>) => {
  const id = await orgIdOf("globex");
  return (await eventsOf(work)).filter((event) => event.orgId === id);
};
const membersOfGlobex = async () =>
  (
    await ok<{ members: { user: { githubLogin: string; email?: string }; accepted: boolean }[] }>("GET", "/api/orgs/globex/members", {
      token: world.stranger,
    })
  ).members;
const warningOf = async (token: string, userAgent = "pulumi-cli/1 (v3.259.0; linux; cmd=whoami)") =>
  (await call("GET", "/api/user", { token, headers: { "User-Agent": userAgent } })).headers.get("X-Pulumi-Warning");

describe("a membership that the person has not accepted", () => {
  it("opens the organization to the person, by the role", async () => {
    await addTo("mel", "admin");
    await ok("GET", "/api/orgs/globex/tokens", { token: world.member });
    await ok("POST", "/api/stacks/globex/web", { token: world.member, json: { stackName: "dev" } });
    expect(await membersOfGlobex()).toMatchObject([{ accepted: true }, { user: { githubLogin: "mel" }, accepted: false }]);
  });

  it("gives the log of the organization nothing of the person's own tokens and sign-ins", async () => {
    await addTo("ada");
    const events = await inGlobex(async () => {
      const token = await ok<NewToken>("POST", "/api/user/tokens", { token: world.admin });
      await signIn(token.tokenValue);
      await ok("DELETE", `/api/user/tokens/${token.id}`, { token: world.admin });
      await refused(401, "GET", "/api/orgs/globex", { token: token.tokenValue });
      const second = await ok<NewToken>("POST", "/api/user/tokens", { token: world.admin });
      await ok("POST", "/api/token-leaks", { json: { token: second.tokenValue } });
      const third = await ok<NewToken>("POST", "/api/user/tokens", { token: world.admin });
      await ok("DELETE", `/api/user/tokens/${third.id}?withDescendants=true`, { token: world.admin });
      await signIn(world.admin);
      const { sessions } = await ok<{ sessions: { id: string }[] }>("GET", "/api/user/sessions", { token: world.admin });
      await ok("DELETE", `/api/user/sessions/${sessions[0]!.id}`, { token: world.admin });
    });
    expect(events).toEqual([]);
  });

  it("gives the organization no warning and no policy on the person's commands and login page", async () => {
    await addTo("ada");
    await ok("PATCH", "/api/orgs/globex", { token: world.stranger, json: { setMaxAccessTokenExpiryDays: 1000, force: true } });
    const long = await ok<NewToken>("POST", "/api/user/tokens", { token: world.admin });
    const headers = { "User-Agent": "pulumi-cli/1 (v3.259.0; linux; cmd=up)" };
    const response = await call("GET", "/api/user/organizations/default", { token: long.tokenValue, headers });
    expect(response.headers.get("X-Pulumi-Warning")).toBeNull();
    const login = "/cli-login?cliSessionPort=4000&cliSessionNonce=abc";
    expect(await shown((await signIn(world.admin)).get(login))).not.toContain("globex refuses");
    await accept(world.admin);
    expect(
      (await call("GET", "/api/user/organizations/default", { token: long.tokenValue, headers })).headers.get("X-Pulumi-Warning"),
    ).toContain("the 1000 days that globex allows");
  });

  it("still has the organization's own rules for calls into it", async () => {
    await addTo("ada");
    await ok("PATCH", "/api/orgs/globex", { token: world.stranger, json: { setAllowedCidrs: ["203.0.113.9/32"] } });
    const from = { "CF-Connecting-IP": "198.51.100.1" };
    await refused(403, "GET", "/api/orgs/globex", { token: world.admin, headers: from });
    await ok("GET", "/api/orgs/acme", { token: world.admin, headers: from });
  });

  it("is never the default organization: neither as the first one, nor by choice, nor by an earlier choice", async () => {
    await env.DB.prepare("DELETE FROM members WHERE user_id = (SELECT id FROM users WHERE login = 'mel')").run();
    await addTo("mel");
    expect(await defaultOf(world.member)).toBe("");
    expect(await refused(409, "POST", "/api/user/organizations/globex/default", { token: world.member })).toContain(
      "have not accepted the membership yet",
    );
    await ok("POST", "/api/orgs/acme/members/mel", { token: world.admin, json: { role: "member" } });
    await accept(world.member, "acme");
    expect(await defaultOf(world.member)).toBe("acme");
    // mel was added to this organization earlier, and accepted it later.
    await accept(world.member);
    expect(await defaultOf(world.member)).toBe("acme");
    await ok("POST", "/api/user/organizations/globex/default", { token: world.member });
    expect(await defaultOf(world.member)).toBe("globex");
    await ok("DELETE", "/api/orgs/globex/members/mel", { token: world.stranger });
    await addTo("mel");
    expect(await defaultOf(world.member)).toBe("acme");
  });

  it("does not count in an administrator's numbers of people's tokens, and does not show an address", async () => {
    await env.DB.prepare("UPDATE users SET email = login || '@example.com'").run();
    await addTo("ada");
    expect((await membersOfGlobex()).map(({ user }) => user.email)).toEqual(["gus@example.com", undefined]);
    const gus = await signIn(world.stranger);
    const page = await shown(
      gus.post("/globex/~/settings", {
        section: "tokens",
        setMaxAccessTokenExpiryDays: "5",
        setInFlightRevocation: "drain",
      }),
      409,
    );
    expect(page).toContain("1 of members");
    await accept(world.admin);
    expect((await membersOfGlobex()).map(({ user }) => user.email)).toContain("ada@example.com");
    expect(
      await shown(
        gus.post("/globex/~/settings", {
          section: "tokens",
          setMaxAccessTokenExpiryDays: "5",
          setInFlightRevocation: "drain",
        }),
        409,
      ),
    ).toContain("2 of members");
  });

  it("is among the potential organizations of the person, and whoami warns of it, in that command alone", async () => {
    await addTo("ada");
    expect(await ok("GET", "/api/user", { token: world.admin })).toMatchObject({
      organizations: [{ githubLogin: "acme" }],
      potentialOrganizations: [{ githubLogin: "globex", role: "member" }],
    });
    const warning = `you were added to globex by gus: accept or leave at https://stackpass.test${PAGE}`;
    expect(await warningOf(world.admin)).toBe(warning);
    expect(await warningOf(world.admin, "pulumi-cli/1 (v3.259.0; linux; cmd=up)")).toBeNull();
    await accept(world.admin);
    expect(await warningOf(world.admin)).toBeNull();
    expect(await ok("GET", "/api/user", { token: world.admin })).not.toHaveProperty("potentialOrganizations");
  });

  it("names the machine that made it", async () => {
    const { tokenValue } = await ok<NewToken>("POST", "/api/orgs/globex/tokens", {
      token: world.stranger,
      json: { name: "root", admin: true },
    });
    await addTo("ada", "member", tokenValue);
    expect(await warningOf(world.admin)).toContain("you were added to globex by root:");
  });

  it("does not count as an administrator when the last one is protected", async () => {
    await addTo("ada", "admin");
    await changesNothing(() => refused(400, "DELETE", "/api/orgs/globex/members/gus", { token: world.admin }));
    await changesNothing(() => refused(400, "PATCH", "/api/orgs/globex/members/gus", { token: world.admin, json: { role: "member" } }));
    await accept(world.admin);
    await ok("DELETE", "/api/orgs/globex/members/gus", { token: world.admin });
  });

  it("ends with a machine's token that made it, and stays once it was accepted", async () => {
    for (const how of ["delete", "disable", "leak"]) {
      const path = "/api/orgs/globex/tokens";
      const root = await ok<NewToken>("POST", path, { token: world.stranger, json: { name: `root-${how}`, admin: true } });
      await addTo("ada", "member", root.tokenValue);
      await addTo("mel", "member", root.tokenValue);
      if (how !== "leak") await accept(world.member);
      await ok("GET", "/api/orgs/globex", { token: world.admin });
      const events = await eventsOf(async () => {
        if (how === "delete") await ok("DELETE", `${path}/${root.id}`, { token: world.stranger });
        if (how === "disable") await ok("POST", `${path}/${root.id}/disable`, { token: world.stranger });
        if (how === "leak") await ok("POST", "/api/token-leaks", { json: { token: root.tokenValue } });
      });
      await refused(404, "GET", "/api/orgs/globex", { token: world.admin });
      if (how === "leak") await refused(404, "GET", "/api/orgs/globex", { token: world.member });
      else {
        await ok("GET", "/api/orgs/globex", { token: world.member });
        expect(events.map(({ event, description }) => `${event}: ${description}`)).toContain(
          "member-removed: Removed ada, added by the ended token and not accepted yet.",
        );
        await ok("DELETE", "/api/orgs/globex/members/mel", { token: world.stranger });
      }
    }
  });

  it("ends with the last token of a line of rotations, although an earlier one made it", async () => {
    const path = "/api/orgs/globex/tokens";
    const root = await ok<NewToken>("POST", path, {
      token: world.stranger,
      json: { name: "root", admin: true, mayRotateItself: true },
    });
    await addTo("ada", "member", root.tokenValue);
    const successor = await ok<NewToken>("POST", "/api/user/token/rotate", { token: root.tokenValue, json: {} });
    await ok("GET", "/api/orgs/globex", { token: world.admin });
    await ok("DELETE", `${path}/${successor.id}`, { token: world.stranger });
    await refused(404, "GET", "/api/orgs/globex", { token: world.admin });
  });

  it("ends with a machine's token that nobody used for too long", async () => {
    const root = await ok<NewToken>("POST", "/api/orgs/globex/tokens", { token: world.stranger, json: { name: "root", admin: true } });
    await addTo("ada", "member", root.tokenValue);
    await ok("PATCH", "/api/orgs/globex", { token: world.stranger, json: { setDisableUnusedTokensAfterDays: 1 } });
    const events = await inGlobex(() => disableUnusedTokens(env as Bindings, Date.now() + 2 * 86_400_000, async () => undefined));
    expect(events.map(({ event }) => event).sort()).toEqual(["member-removed", "organization-token-disabled"]);
    await refused(404, "GET", "/api/orgs/globex", { token: world.admin });
  });

  it("that a person made stays when that person's token ends", async () => {
    const { id, tokenValue } = await ok<NewToken>("POST", "/api/user/tokens", { token: world.stranger });
    await addTo("ada", "member", tokenValue);
    await ok("DELETE", `/api/user/tokens/${id}`, { token: world.stranger });
    await ok("GET", "/api/orgs/globex", { token: world.admin });
  });
});

describe("accepting a membership", () => {
  it("is up to the person only, happens once, with one event, and from then on the log records the person's tokens", async () => {
    await addTo("ada");
    await refused(404, "POST", "/api/user/organizations/globex/accept", { token: world.member });
    const { tokenValue } = await newOrgToken(world, "root", { admin: true });
    await refused(403, "POST", "/api/user/organizations/acme/accept", { token: tokenValue });
    const events = await inGlobex(() => accept(world.admin));
    expect(events).toMatchObject([{ event: "membership-accepted", userLogin: "ada", description: "ada accepted the membership." }]);
    expect(await eventsOf(() => changesNothing(() => accept(world.admin)))).toEqual([]);
    const created = await inGlobex(() => ok("POST", "/api/user/tokens", { token: world.admin }));
    expect(created).toMatchObject([{ event: "personal-token-created" }]);
  });

  it("holds for what a cache knew before: the next token is in the log", async () => {
    await addTo("ada");
    const other = await ok<NewToken>("POST", "/api/user/tokens", { token: world.admin });
    await ok("GET", "/api/user", { token: other.tokenValue });
    const before = await Promise.all(
      (await env.TOKEN_CACHE.list()).keys.map(async ({ name }) => [name, (await env.TOKEN_CACHE.get(name))!] as const),
    );
    await accept(world.admin);
    for (const [name, value] of before) await env.TOKEN_CACHE.put(name, value);
    const created = await inGlobex(() => ok("POST", "/api/user/tokens", { token: other.tokenValue }));
    expect(created).toMatchObject([{ event: "personal-token-created" }]);
  });

  it("is not asked for where the person accepted an invitation, nor of members that an operator made", async () => {
    const { id } = await ok<{ id: string }>("POST", "/api/orgs/globex/invites/link", { token: world.stranger, json: { role: "member" } });
    await ok("PATCH", `/api/orgs/globex/invites/${id}`, { token: world.admin });
    expect((await membersOfGlobex()).map(({ accepted }) => accepted)).toEqual([true, true]);
  });

  it("has a page, and each page of the organization says that somebody was added", async () => {
    await addTo("ada");
    const ada = await signIn(world.admin);
    expect(await shown(ada.get("/"))).toMatch(/added by gus: <a href="\/user\/settings\/organizations">accept or leave/);
    expect(await shown(ada.get("/globex"))).toContain("You were added to globex by gus.");
    expect(await shown(ada.get(PAGE))).toMatch(/added by gus.*\/globex\/accept.*\/globex\/leave/s);
    expect((await ada.post(`${PAGE}/globex/accept`, {})).headers.get("Location")).toBe("/globex");
    expect(await shown(ada.get("/globex"))).not.toContain("You were added");
    await shown(ada.post(`${PAGE}/nowhere/accept`, {}), 404);
  });
});

describe("leaving", () => {
  it("is everybody's right, and ends the membership at once", async () => {
    await addTo("ada");
    const mine = await ok<NewToken>("POST", "/api/orgs/acme/tokens", { token: world.admin, json: { name: "ci" } });
    for (const [token, login, org] of [
      [world.admin, "ada", "globex"],
      [world.member, "MEL", "acme"],
      [world.billing, "bill", "acme"],
    ] as const) {
      await ok("GET", `/api/orgs/${org}`, { token });
      const events = await eventsOf(() => ok("DELETE", `/api/orgs/${org}/members/${login}`, { token }));
      expect(events).toMatchObject([{ event: "member-removed", description: `${login} left.`, userLogin: login.toLowerCase() }]);
      await refused(404, "GET", `/api/orgs/${org}`, { token });
    }
    await ok("GET", "/api/user", { token: mine.tokenValue });
  });

  it("is allowed to one of several administrators, and not to the last one", async () => {
    for (const path of ["/api/orgs/acme/members/ada", "/api/user/organizations/acme"])
      await changesNothing(async () => {
        expect(await refused(400, "DELETE", path, { token: world.admin })).toBe(
          "You cannot remove yourself from the organization: it needs at least one administrator.",
        );
      });
    await ok("PATCH", "/api/orgs/acme/members/mel", { token: world.admin, json: { role: "admin" } });
    const answers = await Promise.all([
      call("DELETE", "/api/orgs/acme/members/ada", { token: world.admin }),
      call("DELETE", "/api/user/organizations/acme", { token: world.member }),
    ]);
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([204, 400]);
  });

  it("does not allow to remove somebody else, and is not for machines", async () => {
    const { tokenValue } = await newOrgToken(world, "ci");
    await changesNothing(async () => {
      for (const login of ["ada", "bill"])
        for (const token of [world.member, tokenValue]) await refused(403, "DELETE", `/api/orgs/acme/members/${login}`, { token });
      await refused(403, "DELETE", "/api/orgs/acme/members/mel", { token: world.billing });
      await refused(404, "DELETE", "/api/orgs/acme/members/ada", { token: world.stranger });
      await refused(404, "DELETE", "/api/user/organizations/acme", { token: world.stranger });
      await refused(403, "DELETE", "/api/user/organizations/acme", { token: tokenValue });
    });
  });

  it("works whatever the organization's conditions are", async () => {
    await addTo("ada");
    await ok("PATCH", "/api/orgs/globex", { token: world.stranger, json: { setAllowedCidrs: ["203.0.113.9/32"] } });
    const headers = { "CF-Connecting-IP": "198.51.100.1" };
    await refused(403, "DELETE", "/api/orgs/globex/members/ada", { token: world.admin, headers });
    await ok("DELETE", "/api/user/organizations/globex", { token: world.admin, headers });
    await refused(404, "GET", "/api/orgs/globex", { token: world.admin });
  });

  it("has a button", async () => {
    await addTo("ada");
    const ada = await signIn(world.admin);
    expect((await ada.post(`${PAGE}/globex/leave`, {})).headers.get("Location")).toBe(PAGE);
    await refused(404, "GET", "/api/orgs/globex", { token: world.admin });
    expect(await shown(ada.post(`${PAGE}/acme/leave`, {}), 400)).toContain("needs at least one administrator");
    expect((await newVisitor().post(`${PAGE}/acme/leave`, {})).headers.get("Location")).toMatch(/^\/signin/);
  });
});

describe("where DIRECT_MEMBERS is invite", () => {
  beforeEach(() => {
    const before = env.DIRECT_MEMBERS;
    Object.assign(env, { DIRECT_MEMBERS: "invite" });
    onTestFinished(() => void Object.assign(env, { DIRECT_MEMBERS: before }));
  });

  it("an addition is an invitation, for that account alone", async () => {
    const events = await inGlobex(async () => {
      expect(await addTo("ada", "admin")).toMatchObject({
        role: "potential-member",
        user: { githubLogin: "ada" },
        fgaRole: { name: "Admin" },
      });
    });
    expect(events).toMatchObject([
      { event: "organization-invite-sent", description: expect.stringMatching(/^Invited ada as admin \(/) as string },
    ]);
    await refused(404, "GET", "/api/orgs/globex", { token: world.admin });
    expect((await membersOfGlobex()).map(({ user }) => user.githubLogin)).toEqual(["gus"]);
    const { invites } = await ok<{ invites: { id: string }[] }>("GET", "/api/user/pending-invites", { token: world.admin });
    expect(invites).toHaveLength(1);
    const path = `/api/orgs/globex/invites/${invites[0]!.id}`;
    await changesNothing(async () => {
      await refused(404, "GET", path, { token: world.member });
      await refused(404, "PATCH", path, { token: world.member });
    });
    await ok("PATCH", path, { token: world.admin });
    await ok("GET", "/api/orgs/globex/tokens", { token: world.admin });
  });

  it("refuses what it also refuses without the setting, and a second invitation", async () => {
    await addTo("ada");
    await changesNothing(async () => {
      await refused(409, "POST", "/api/orgs/globex/members/ADA", { token: world.stranger, json: { role: "member" } });
      await refused(409, "POST", "/api/orgs/globex/members/gus", { token: world.stranger, json: { role: "member" } });
      await refused(404, "POST", "/api/orgs/globex/members/nobody", { token: world.stranger, json: { role: "member" } });
      await refused(403, "POST", "/api/orgs/acme/members/gus", { token: world.member, json: { role: "member" } });
    });
  });

  it("an unknown value of the setting has the same effect", async () => {
    Object.assign(env, { DIRECT_MEMBERS: "Invite" });
    await addTo("ada");
    await refused(404, "GET", "/api/orgs/globex", { token: world.admin });
  });
});

it("the use of an organization by a person who was added is in its log", async () => {
  await addTo("ada");
  const events = await inGlobex(() => ok("POST", "/api/stacks/globex/web", { token: world.admin, json: { stackName: "dev" } }));
  expect(events).toMatchObject([{ event: "stack-created", userLogin: "ada" }]);
  await newStack(world.admin);
});
