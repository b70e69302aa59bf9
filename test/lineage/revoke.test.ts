import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { signIn } from "../support/browser.ts";
import { call, ok, refused } from "../support/client.ts";
import { laterBy } from "../support/clock.ts";
import { changesNothing } from "../support/stored.ts";
import { type NewToken, type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

interface Report {
  total: number;
  ended: { kind: string; id?: string; name?: string; organization?: string }[];
  kept: { member: string; organization: string; reason: string }[];
}
const works = async (token: string) => (await call("GET", "/api/user", { token })).status === 200;
const personal = (token: string) => ok<NewToken>("POST", "/api/user/tokens", { token });
const machine = (token: string, name: string, more: object = {}, org = "acme") =>
  ok<NewToken>("POST", `/api/orgs/${org}/tokens`, { token, json: { name, ...more } });
const invite = async (token: string, role: string) =>
  (await ok<{ id: string }>("POST", "/api/orgs/acme/invites/link", { token, json: { role } })).id;
const join = (token: string, id: string) => ok("PATCH", `/api/orgs/acme/invites/${id}`, { token });
const revokePersonal = (token: string, id: string) => ok<Report>("DELETE", `/api/user/tokens/${id}?withDescendants=true`, { token });
const revokeMachine = (id: string, token = world.admin) =>
  ok<Report>("DELETE", `/api/orgs/acme/tokens/${id}?withDescendants=true`, { token });
const membersOf = async (org: string, token: string) =>
  (await ok<{ members: { user: { githubLogin: string } }[] }>("GET", `/api/orgs/${org}/members`, { token })).members.map(
    (member) => member.user.githubLogin,
  );

describe("a personal token that is revoked with everything it created", () => {
  it("ends tokens, invitations and memberships, and everything that the people who joined created, with one event that names them", async () => {
    const stolen = await personal(world.admin);
    const second = await personal(stolen.tokenValue);
    const ci = await machine(second.tokenValue, "ci");
    const pending = await invite(second.tokenValue, "admin");
    await join(world.stranger, await invite(stolen.tokenValue, "admin"));
    const thiefs = await machine(world.stranger, "thief");
    const elsewhere = await machine(world.stranger, "theirs", {}, "globex");
    const other = await newOrgToken(world, "other");

    let report: Report | undefined;
    const events = await eventsOf(async () => (report = await revokePersonal(world.admin, stolen.id)));
    for (const { tokenValue } of [stolen, second, ci, thiefs]) expect(await works(tokenValue)).toBe(false);
    for (const { tokenValue } of [elsewhere, other]) expect(await works(tokenValue)).toBe(true);
    expect((await call("PATCH", `/api/orgs/acme/invites/${pending}`, { token: world.stranger })).status).toBe(409);
    await refused(404, "GET", "/api/orgs/acme", { token: world.stranger });
    expect(report).toMatchObject({ total: 5, kept: [] });
    expect(report!.ended.map(({ kind, name }) => `${kind} ${name ?? ""}`.trim()).sort()).toEqual(
      ["invitation admin", "member gus", "organization ci", "organization thief", "personal"].sort(),
    );
    expect(events).toMatchObject([{ event: "personal-token-deleted", userLogin: "ada" }]);
    for (const named of [
      stolen.id,
      second.id,
      `organization token "ci" (${ci.id})`,
      `"thief" (${thiefs.id})`,
      "member gus",
      pending.slice(0, 8),
    ])
      expect(events[0]!.description).toContain(named);
    for (const secret of [pending, stolen.tokenValue, "theirs"]) expect(events[0]!.description).not.toContain(secret);
  });

  it("ends what it made even after its own deletion, and once", async () => {
    const first = await personal(world.admin);
    const ci = await machine(first.tokenValue, "ci");
    await ok("DELETE", `/api/user/tokens/${first.id}`, { token: world.admin });
    expect(await works(ci.tokenValue)).toBe(true);
    expect(await revokePersonal(world.admin, first.id)).toMatchObject({ total: 1, ended: [{ kind: "organization", name: "ci" }] });
    expect(await works(ci.tokenValue)).toBe(false);
    const events = await eventsOf(() => changesNothing(() => revokePersonal(world.admin, first.id)));
    expect(events).toEqual([]);
  });

  it("ends what it made in an organization that its person has left, notes it in that organization's log, and shows no names of it", async () => {
    await ok("POST", "/api/orgs/globex/members/ada", { token: world.stranger, json: { role: "admin" } });
    const first = await personal(world.admin);
    const ci = await machine(first.tokenValue, "ci", {}, "globex");
    await ok("DELETE", "/api/orgs/globex/members/ada", { token: world.stranger });
    let report: Report | undefined;
    const events = await eventsOf(async () => (report = await revokePersonal(world.admin, first.id)));
    expect(await works(ci.tokenValue)).toBe(false);
    expect(report).toEqual({ total: 1, ended: [], kept: [] });
    const globex = await env.DB.prepare("SELECT id FROM organizations WHERE name = 'globex'").first<string>("id");
    expect(events.filter(({ orgId }) => orgId === globex)).toMatchObject([
      { event: "personal-token-deleted", userLogin: "ada", description: expect.stringContaining(`"ci" (${ci.id})`) as string },
    ]);
    expect(events).toHaveLength(2);
  });

  it("records in an organization's log nothing about the person's tokens in other organizations", async () => {
    await ok("POST", "/api/orgs/globex/members/ada", { token: world.stranger, json: { role: "admin" } });
    const first = await personal(world.admin);
    const second = await personal(first.tokenValue);
    await machine(second.tokenValue, "ci", {}, "globex");
    await ok("DELETE", "/api/orgs/globex/members/ada", { token: world.stranger });
    const events = await eventsOf(() => revokePersonal(world.admin, first.id));
    const ofGlobex = events.find(({ description }) => description.includes('"ci"'))!;
    expect(ofGlobex.description).not.toContain(second.id);
    expect(events.find((event) => event !== ofGlobex)!.description).toContain(second.id);
  });

  it("keeps the last administrator, and says so", async () => {
    const first = await personal(world.stranger);
    const { id } = await ok<{ id: string }>("POST", "/api/orgs/globex/invites/link", { token: first.tokenValue, json: { role: "admin" } });
    for (const token of [world.member]) await ok("PATCH", `/api/orgs/globex/invites/${id}`, { token });
    await ok("POST", "/api/orgs/globex/members/bill", { token: first.tokenValue, json: { role: "admin" } });
    await ok("DELETE", "/api/orgs/globex/members/gus", { token: world.member });
    let report: Report | undefined;
    const events = await eventsOf(async () => (report = await revokePersonal(world.stranger, first.id)));
    // Of the two administrators who are left, the one with the older membership stays.
    expect(await membersOf("globex", world.member)).toEqual(["mel"]);
    await refused(404, "GET", "/api/orgs/globex", { token: world.billing });
    expect(report).toMatchObject({ total: 1 });
    expect(events).toHaveLength(1);
    expect(events[0]!.description).toContain("The administrator mel stays, because an organization needs one.");
    const again = await eventsOf(() => changesNothing(() => revokePersonal(world.stranger, first.id)));
    expect(again).toEqual([]);
  });

  describe("leaves people who have been members for more than 30 days", () => {
    const MONTH = 30 * 86_400_000;
    let first: NewToken;
    beforeEach(async () => {
      first = await personal(world.stranger);
      await ok("POST", "/api/orgs/globex/members/mel", { token: first.tokenValue, json: { role: "admin" } });
      await ok("POST", "/api/user/organizations/globex/accept", { token: world.member });
      await env.DB.prepare("UPDATE members SET created_at = created_at - ? WHERE made_with = ?").bind(MONTH, first.id).run();
    });
    const isMember = async () => (await membersOf("globex", world.stranger)).includes("mel");

    it("when a leak is reported, and what they made, and names them", async () => {
      const theirs = await machine(world.member, "theirs", {}, "globex");
      const events = await eventsOf(() => ok("POST", "/api/token-leaks", { json: { token: first.tokenValue } }));
      expect(await isMember()).toBe(true);
      expect(await works(theirs.tokenValue)).toBe(true);
      expect(events[0]!.description).toContain("Members who joined by it more than 30 days ago stay: mel.");
    });

    it("when its person is not an administrator there any more", async () => {
      await ok("PATCH", "/api/orgs/globex/members/gus", { token: world.member, json: { role: "member" } });
      expect(await revokePersonal(world.stranger, first.id)).toMatchObject({
        total: 0,
        kept: [{ member: "mel", organization: "globex", reason: "established" }],
      });
      expect(await isMember()).toBe(true);
    });

    it("but not when an administrator revokes it", async () => {
      expect(await revokePersonal(world.stranger, first.id)).toMatchObject({ total: 1, ended: [{ kind: "member", name: "mel" }] });
      expect(await isMember()).toBe(false);
    });

    it("nor those who never accepted", async () => {
      await env.DB.prepare("UPDATE members SET accepted_at = NULL WHERE made_with = ?").bind(first.id).run();
      await ok("POST", "/api/token-leaks", { json: { token: first.tokenValue } });
      expect(await isMember()).toBe(false);
    });

    it("nor those of less than 30 days", async () => {
      await env.DB.prepare("UPDATE members SET created_at = created_at + 60000 WHERE made_with = ?").bind(first.id).run();
      await ok("POST", "/api/token-leaks", { json: { token: first.tokenValue } });
      expect(await isMember()).toBe(false);
    });
  });

  it("names a hundred in an event, and counts the others by kind", async () => {
    const first = await personal(world.admin);
    const acme = await env.DB.prepare("SELECT id FROM organizations WHERE name = 'acme'").first<string>("id");
    await env.DB.prepare(
      `INSERT INTO access_tokens (id, kind, org_id, name, description, hash, created_at, created_by, made_with)
        SELECT 'made-' || value, 'organization', ?1, 'made-' || value, '', 'hash-' || value, 1, 'ada', ?2 FROM json_each(?3)`,
    )
      .bind(acme, first.id, JSON.stringify(Array.from({ length: 120 }, (_, i) => i)))
      .run();
    const events = await eventsOf(() => revokePersonal(world.admin, first.id));
    expect(events[0]!.description.match(/organization token "/g)).toHaveLength(100);
    expect(events[0]!.description).toMatch(/ and 20 more organization tokens\.$/);
  });

  it("can be revoked by its person, and by no machine", async () => {
    const first = await personal(world.admin);
    const { tokenValue } = await newOrgToken(world, "root", { admin: true });
    await changesNothing(async () => {
      await refused(404, "DELETE", `/api/user/tokens/${first.id}?withDescendants=true`, { token: world.member });
      await refused(403, "DELETE", `/api/user/tokens/${first.id}?withDescendants=true`, { token: tokenValue });
      await refused(400, "DELETE", `/api/user/tokens/${first.id}?withDescendants=yes`, { token: world.admin });
    });
  });
});

describe("an organization token that is revoked with everything it created", () => {
  it("ends its successors, invitations and members, and writes a receipt for each", async () => {
    const root = await newOrgToken(world, "root", { admin: true, mayRotateItself: true });
    const pending = await invite(root.tokenValue, "member");
    await join(world.stranger, await invite(root.tokenValue, "member"));
    const next = await ok<NewToken>("POST", "/api/user/token/rotate", { token: root.tokenValue, json: {} });
    expect(await works(next.tokenValue)).toBe(true);
    const response = await call("DELETE", `/api/orgs/acme/tokens/${root.id}?withDescendants=true&reason=theft`, { token: world.admin });
    expect(response.headers.get("X-Revocation-Committed-By")).toMatch(/^20/);
    expect(await response.json()).toMatchObject({ total: 3 });
    expect(await works(next.tokenValue)).toBe(false);
    await refused(404, "GET", "/api/orgs/acme", { token: world.stranger });
    expect(await ok("GET", "/api/orgs/acme/invites", { token: world.admin })).toEqual({ invites: [] });
    const seen = await env.DB.prepare("SELECT deletion_seen_at AS at FROM access_tokens WHERE id = ?").bind(next.id).first<number>("at");
    expect(seen).toBeGreaterThan(0);
    expect(pending).toBeTruthy();
  });

  it("leaves a successor that an administrator gave it, and the tokens beside it", async () => {
    const ci = await newOrgToken(world, "ci");
    const next = await ok<NewToken>("POST", `/api/orgs/acme/tokens/${ci.id}/rotate`, { token: world.admin, json: {} });
    expect(await revokeMachine(ci.id)).toEqual({ total: 0, ended: [], kept: [] });
    expect(await works(next.tokenValue)).toBe(true);
  });

  it("ends what its predecessors created, and a predecessor that is still valid, whoever rotated it", async () => {
    const first = await newOrgToken(world, "root", { admin: true, mayRotateItself: true });
    await join(world.stranger, await invite(first.tokenValue, "member"));
    const second = await ok<NewToken>("POST", "/api/user/token/rotate", { token: first.tokenValue, json: {} });
    const third = await ok<NewToken>("POST", `/api/orgs/acme/tokens/${second.id}/rotate`, { token: world.admin, json: { overlap: 3600 } });
    const pending = await invite(second.tokenValue, "member");
    const other = await newOrgToken(world, "other");
    const { created } = await ok<{ created: object }>("GET", `/api/orgs/acme/tokens/${third.id}/impact`, { token: world.admin });
    expect(created).toMatchObject({ total: 3 });
    let report: Report | undefined;
    const [event] = await eventsOf(async () => (report = await revokeMachine(third.id)));
    expect(report!.ended.map(({ kind, name }) => `${kind} ${name}`).sort()).toEqual([
      "invitation member",
      "member gus",
      "organization root-2",
    ]);
    expect(event!.description).toContain(second.id);
    for (const { tokenValue } of [first, second, third]) expect(await works(tokenValue)).toBe(false);
    expect(await works(other.tokenValue)).toBe(true);
    await refused(404, "GET", "/api/orgs/acme", { token: world.stranger });
    expect((await call("PATCH", `/api/orgs/acme/invites/${pending}`, { token: world.stranger })).status).toBe(409);
  });

  it("leaves its successor and its members when it is deleted alone", async () => {
    const root = await newOrgToken(world, "root", { admin: true, mayRotateItself: true });
    await join(world.stranger, await invite(root.tokenValue, "member"));
    const next = await ok<NewToken>("POST", "/api/user/token/rotate", { token: root.tokenValue, json: {} });
    await ok("DELETE", `/api/orgs/acme/tokens/${root.id}`, { token: world.admin });
    expect(await works(next.tokenValue)).toBe(true);
    await ok("GET", "/api/orgs/acme", { token: world.stranger });
  });

  it("is 404 for the administrator of another organization, and 403 for a machine", async () => {
    const root = await newOrgToken(world, "root", { admin: true });
    await changesNothing(async () => {
      await refused(404, "DELETE", `/api/orgs/acme/tokens/${root.id}?withDescendants=true`, { token: world.stranger });
      await refused(404, "DELETE", `/api/orgs/globex/tokens/${root.id}?withDescendants=true`, { token: world.stranger });
      await refused(403, "DELETE", `/api/orgs/acme/tokens/${root.id}?withDescendants=true`, { token: root.tokenValue });
      await refused(404, "DELETE", `/api/orgs/acme/tokens/nothing?withDescendants=true`, { token: world.admin });
    });
  });
});

describe("nobody removes the record of a descent", () => {
  it("by leaving an organization that they joined by a stolen credential", async () => {
    const stolen = await personal(world.admin);
    await join(world.stranger, await invite(stolen.tokenValue, "admin"));
    const thiefs = await machine(world.stranger, "thief");
    await ok("DELETE", "/api/orgs/acme/members/gus", { token: world.admin });
    await revokePersonal(world.admin, stolen.id);
    expect(await works(thiefs.tokenValue)).toBe(false);
  });

  it("but what the person makes after another invitation does not descend from the old one", async () => {
    const stolen = await personal(world.admin);
    await join(world.stranger, await invite(stolen.tokenValue, "admin"));
    await ok("DELETE", "/api/orgs/acme/members/gus", { token: world.admin });
    await scheduler.wait(2);
    await join(world.stranger, await invite(world.admin, "admin"));
    const later = await machine(world.stranger, "later");
    expect(await revokePersonal(world.admin, stolen.id)).toMatchObject({ total: 0 });
    expect(await works(later.tokenValue)).toBe(true);
  });

  it("by deleting the session in which it was made, however long ago", async () => {
    const stolen = await personal(world.admin);
    const thief = await signIn(stolen.tokenValue);
    expect((await thief.post("/acme/~/tokens/new", { name: "thief", expiry: "never" })).status).toBe(303);
    await thief.post("/signout", {});
    laterBy(40 * 86_400_000);
    // A sign-in deletes sessions that ended long ago.
    await signIn(world.admin);
    expect(await revokePersonal(world.admin, stolen.id)).toMatchObject({ total: 1, ended: [{ name: "thief" }] });
  });
});

it("a revoked descendant that is still cached writes nothing", async () => {
  const first = await personal(world.admin);
  const ci = await machine(first.tokenValue, "ci");
  await ok("GET", "/api/orgs/acme", { token: ci.tokenValue });
  const before = await Promise.all(
    (await env.TOKEN_CACHE.list()).keys.map(async ({ name }) => [name, (await env.TOKEN_CACHE.get(name))!] as const),
  );
  await revokePersonal(world.admin, first.id);
  for (const [name, value] of before) await env.TOKEN_CACHE.put(name, value);
  await changesNothing(() => refused(401, "POST", "/api/stacks/acme/web", { token: ci.tokenValue, json: { stackName: "dev" } }));
});

it("running updates of descendants end where their organization aborts", async () => {
  await ok("PATCH", "/api/orgs/acme", { token: world.admin, json: { setInFlightRevocation: "abort" } });
  const first = await personal(world.admin);
  const ci = await machine(first.tokenValue, "ci");
  await newStack(world.admin);
  const { path, lease } = await startUpdate(ci.tokenValue);
  await revokePersonal(world.admin, first.id);
  await refused(403, "PATCH", `${path}/journalentries`, { lease, json: { entries: [] } });
});

it("nothing ends when its event cannot be stored", async () => {
  const first = await personal(world.admin);
  const ci = await machine(first.tokenValue, "ci");
  await env.DB.prepare("CREATE TRIGGER broken BEFORE INSERT ON audit_outbox BEGIN SELECT RAISE(ABORT, 'no'); END").run();
  await changesNothing(() => refused(503, "DELETE", `/api/user/tokens/${first.id}?withDescendants=true`, { token: world.admin }));
  await env.DB.prepare("DROP TRIGGER broken").run();
  expect(await works(ci.tokenValue)).toBe(true);
});
