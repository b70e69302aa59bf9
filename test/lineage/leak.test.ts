import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { newVisitor, signIn } from "../support/browser.ts";
import { call, ok, refused } from "../support/client.ts";
import { signatureOf } from "../support/scanner.ts";
import { changesNothing } from "../support/stored.ts";
import { type NewToken, type World, newOrgToken, newWorld } from "../support/world.ts";

let world: World;
let stolen: NewToken;
beforeEach(async () => {
  world = await newWorld();
  stolen = await ok<NewToken>("POST", "/api/user/tokens", { token: world.admin });
});

let addresses = 1;
const report = (token: string) =>
  ok("POST", "/api/token-leaks", { json: { token }, headers: { "CF-Connecting-IP": `2001:db8:2::${(addresses++).toString(16)}` } });
const works = async (token: string) => (await call("GET", "/api/user", { token })).status === 200;
const machine = (token: string, name: string) => ok<NewToken>("POST", "/api/orgs/acme/tokens", { token, json: { name } });
const invite = async (token: string, json: object = { role: "admin" }) =>
  (await ok<{ id: string }>("POST", "/api/orgs/acme/invites/link", { token, json })).id;
const join = (id: string) => call("PATCH", `/api/orgs/acme/invites/${id}`, { token: world.stranger });

describe("a stolen personal token leaves no way back in after a report:", () => {
  it("not by an invitation that it made and nobody accepted yet", async () => {
    const id = await invite(stolen.tokenValue);
    await report(stolen.tokenValue);
    await changesNothing(async () => expect((await join(id)).status).toBe(409));
    await refused(404, "GET", "/api/orgs/acme", { token: world.stranger });
  });

  it("not by one that was accepted before, with what the thief made since", async () => {
    expect((await join(await invite(stolen.tokenValue))).status).toBe(204);
    const mine = await machine(world.stranger, "thief");
    await report(stolen.tokenValue);
    await refused(404, "GET", "/api/orgs/acme", { token: world.stranger });
    expect(await works(mine.tokenValue)).toBe(false);
  });

  it("not by one that was sent by address, nor by an addition", async () => {
    await env.DB.prepare("UPDATE users SET email = 'gus@example.com' WHERE login = 'gus'").run();
    const { sentInvites } = await ok<{ sentInvites: { id: string }[] }>("POST", "/api/orgs/acme/invites/batch", {
      token: stolen.tokenValue,
      json: { invites: [{ email: "gus@example.com", role: "admin" }] },
    });
    await report(stolen.tokenValue);
    expect((await join(sentInvites[0]!.id)).status).toBe(409);
  });

  it("not by a person whom it added", async () => {
    await ok("POST", "/api/orgs/acme/members/gus", { token: stolen.tokenValue, json: { role: "admin" } });
    await report(stolen.tokenValue);
    await refused(404, "GET", "/api/orgs/acme", { token: world.stranger });
  });

  it("not by a session, nor by what was made in it", async () => {
    const thief = await signIn(stolen.tokenValue);
    await thief.post("/acme/~/tokens/new", { name: "thief", expiry: "never" });
    await thief.post("/acme/~/members/invites", { role: "admin" });
    const id = (await env.DB.prepare("SELECT id FROM invites").first<string>("id"))!;
    await report(stolen.tokenValue);
    expect((await join(id)).status).toBe(409);
    expect(await ok("GET", "/api/orgs/acme/tokens", { token: world.admin })).toMatchObject({
      tokens: [{ name: "thief", status: "disabled", disabledReason: "maker-leaked" }],
    });
  });

  it("not by a second personal token", async () => {
    const second = await ok<NewToken>("POST", "/api/user/tokens", { token: stolen.tokenValue });
    const third = await ok<NewToken>("POST", "/api/user/tokens", { token: second.tokenValue });
    await report(stolen.tokenValue);
    expect([await works(second.tokenValue), await works(third.tokenValue), await works(world.admin)]).toEqual([false, false, true]);
  });

  it("not when the thief deleted it first", async () => {
    const second = await ok<NewToken>("POST", "/api/user/tokens", { token: stolen.tokenValue });
    await ok("DELETE", `/api/user/tokens/${stolen.id}`, { token: stolen.tokenValue });
    await report(stolen.tokenValue);
    expect(await works(second.tokenValue)).toBe(false);
  });

  it("not when a scanner reports it", async () => {
    const mine = await machine(stolen.tokenValue, "thief");
    const body = JSON.stringify([{ token: stolen.tokenValue }]);
    await call("POST", "/api/token-leaks/scanner", { body, headers: { "X-Hub-Signature-256": await signatureOf(body) } });
    expect(await works(mine.tokenValue)).toBe(false);
  });
});

describe("what a report ended besides the token itself", () => {
  it("is named in one event of each organization concerned, without a secret", async () => {
    await ok("POST", "/api/orgs/globex/members/ada", { token: world.stranger, json: { role: "admin" } });
    await machine(stolen.tokenValue, "ours");
    await ok("POST", "/api/orgs/globex/tokens", { token: stolen.tokenValue, json: { name: "theirs" } });
    await ok("DELETE", "/api/orgs/globex/members/ada", { token: world.stranger });
    const events = await eventsOf(() => report(stolen.tokenValue));
    expect(events.map(({ event, tokenId }) => [event, tokenId])).toEqual([
      ["token-leak-reported", stolen.id],
      ["token-leak-reported", stolen.id],
    ]);
    const [ours, theirs] = ["ours", "theirs"].map((name) => events.find(({ description }) => description.includes(`"${name}"`))!);
    expect(ours!.orgId).not.toBe(theirs!.orgId);
    for (const { description } of events) {
      expect(description).toMatch(
        /^Disabled a personal token \(.*\) and everything created with it: .*\. It was found in public by a holder of its value\.$/,
      );
      expect(description).not.toContain(stolen.tokenValue);
    }
  });

  it("can be rotated or deleted by an administrator, and not enabled", async () => {
    const ci = await machine(stolen.tokenValue, "ci");
    await report(stolen.tokenValue);
    expect(await refused(409, "POST", `/api/orgs/acme/tokens/${ci.id}/enable`, { token: world.admin })).toContain(
      "the credential that created",
    );
    const next = await ok<NewToken>("POST", `/api/orgs/acme/tokens/${ci.id}/rotate`, { token: world.admin, json: {} });
    expect(await works(next.tokenValue)).toBe(true);
    // The administrator made the successor, so a second report of the old token does not end it.
    expect(await eventsOf(() => changesNothing(() => report(stolen.tokenValue)))).toEqual([]);
    expect(await works(next.tokenValue)).toBe(true);
  });

  it("includes the successor that a machine made by rotating itself, also when its own value had ended by that", async () => {
    const ci = await newOrgToken(world, "ci", { mayRotateItself: true });
    const thiefs = await ok<NewToken>("POST", "/api/user/token/rotate", { token: ci.tokenValue, json: {} });
    await report(ci.tokenValue);
    expect(await works(thiefs.tokenValue)).toBe(false);
    const next = await ok<NewToken>("POST", `/api/orgs/acme/tokens/${thiefs.id}/rotate`, { token: world.admin, json: {} });
    expect(await works(next.tokenValue)).toBe(true);
  });

  it("does not include a successor that an administrator made, nor anything beside the token", async () => {
    const ci = await newOrgToken(world, "ci");
    const other = await newOrgToken(world, "other");
    const next = await ok<NewToken>("POST", `/api/orgs/acme/tokens/${ci.id}/rotate`, { token: world.admin, json: {} });
    await report(ci.tokenValue);
    expect([await works(next.tokenValue), await works(other.tokenValue), await works(world.admin)]).toEqual([true, true, true]);
  });

  it("is what was made in a session whose value was found", async () => {
    const answer = await newVisitor().post("/signin", { token: world.admin });
    const cookie = answer.headers.getSetCookie()[0]!.split(";")[0]!;
    expect((await newVisitor(cookie).post("/acme/~/tokens/new", { name: "thief", expiry: "never" })).status).toBe(303);
    const events = await eventsOf(() => report(cookie.split("=")[1]!));
    expect(events).toMatchObject([
      { event: "token-leak-reported", description: expect.stringMatching(/^Disabled a session .*"thief"/) as string },
    ]);
    expect(await ok("GET", "/api/orgs/acme/tokens", { token: world.admin })).toMatchObject({ tokens: [{ status: "disabled" }] });
    expect(await works(world.admin)).toBe(true);
  });
});
