import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, newOrgToken, newWorld } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

const path = "/api/orgs/acme/invites";
interface Made {
  id: string;
  acceptInviteUrl: string;
}
const link = (token: string, json: object = { role: "member" }) => ok<Made>("POST", `${path}/link`, { token, json });
const listed = async (token: string) => (await ok<{ invites: { id: string; sentAt: number }[] }>("GET", path, { token })).invites;

it("one person can join by a link, with its role, and no log or list contains its secret", async () => {
  const made = await link(world.admin, { role: "admin" });
  expect(made.acceptInviteUrl).toBe(`https://stackpass.test/acme/~/invites/${made.id}`);
  expect(await listed(world.admin)).toMatchObject([
    { id: made.id, email: "", role: "admin", status: "pending", sentBy: { githubLogin: "ada" } },
  ]);
  expect(await ok("GET", `${path}/${made.id}`, { token: world.stranger })).toMatchObject({ githubLogin: "acme", role: "admin" });
  const events = await eventsOf(() => ok("PATCH", `${path}/${made.id}`, { token: world.stranger }));
  expect(events).toMatchObject([{ event: "organization-invite-accepted", userLogin: "gus" }]);
  expect(JSON.stringify(events)).not.toContain(made.id);
  await ok("GET", "/api/orgs/acme/tokens", { token: world.stranger });
  expect(await listed(world.admin)).toEqual([]);
  await changesNothing(() => refused(409, "PATCH", `${path}/${made.id}`, { token: world.member }));
  await refused(404, "GET", `${path}/${made.id}`, { token: world.stranger });
});

it("of two who accept at the same moment, one joins", async () => {
  for (const login of ["mel", "bill"]) await ok("DELETE", `/api/orgs/acme/members/${login}`, { token: world.admin });
  const { id } = await link(world.admin);
  const answers = await Promise.all(
    [world.stranger, world.member, world.billing].map((token) => call("PATCH", `${path}/${id}`, { token })),
  );
  expect(answers.map((answer) => answer.status).sort((a, b) => a - b)).toEqual([204, 409, 409]);
  expect((await ok<{ members: unknown[] }>("GET", "/api/orgs/acme/members", { token: world.admin })).members).toHaveLength(2);
});

it("an attempt by a member does not use up an invitation, and a machine cannot accept one", async () => {
  const { id } = await link(world.admin);
  const { tokenValue } = await newOrgToken(world, "root", { admin: true });
  await changesNothing(async () => {
    expect(await refused(409, "PATCH", `${path}/${id}`, { token: world.member })).toBe("User is already an organization member.");
  });
  await refused(403, "PATCH", `${path}/${id}`, { token: tokenValue });
  await refused(403, "POST", `${path}/link`, { token: world.member, json: { role: "member" } });
  await refused(403, "GET", path, { token: world.member });
  await refused(404, "PATCH", `/api/orgs/globex/invites/${id}`, { token: world.stranger });
  await refused(404, "DELETE", `/api/orgs/globex/invites/${id}`, { token: world.stranger });
  await ok("PATCH", `${path}/${id}`, { token: world.stranger });
});

it("a canceled one cannot be accepted; sending one again only extends its time", async () => {
  const { id } = await link(world.admin);
  await env.DB.prepare("UPDATE invites SET sent_at = 0").run();
  await ok("POST", `${path}/${id}/resend`, { token: world.admin });
  expect((await listed(world.admin))[0]!.sentAt).toBeGreaterThan(0);
  const events = await eventsOf(() => ok("DELETE", `${path}/${id}`, { token: world.admin }));
  expect(events).toMatchObject([{ event: "organization-invite-canceled" }]);
  await refused(409, "PATCH", `${path}/${id}`, { token: world.stranger });
  for (const [method, rest] of [
    ["DELETE", ""],
    ["POST", "/resend"],
  ] as const)
    await changesNothing(() => refused(404, method, `${path}/${id}${rest}`, { token: world.admin }));
});

it("a machine neither renews nor takes back one that makes an administrator", async () => {
  const [admin, member] = [await link(world.admin, { role: "admin" }), await link(world.admin)];
  const { tokenValue: token } = await newOrgToken(world, "root", { admin: true });
  await changesNothing(async () => {
    await refused(404, "POST", `${path}/${admin.id}/resend`, { token });
    await refused(404, "DELETE", `${path}/${admin.id}`, { token });
  });
  await ok("POST", `${path}/${member.id}/resend`, { token });
  await ok("DELETE", `${path}/${member.id}`, { token });
});

it("the invitation of a machine is not shown as that of a person with the organization's name", async () => {
  await env.DB.prepare("UPDATE users SET login = 'acme', name = 'Acme Adams' WHERE login = 'mel'").run();
  await ok("PATCH", "/api/orgs/acme/members/acme", { token: world.admin, json: { role: "admin" } });
  const { tokenValue: token } = await newOrgToken(world, "root", { admin: true });
  const machines = await link(token);
  await link(world.member);
  const senders = async () =>
    (await ok<{ invites: { id: string; sentBy: { name: string } }[] }>("GET", path, { token: world.admin })).invites;
  expect((await senders()).map(({ sentBy }) => sentBy.name).sort()).toEqual(["Acme Adams", "acme"]);
  await ok("DELETE", "/api/orgs/acme/members/acme", { token: world.admin });
  expect((await senders()).map(({ id }) => id)).toEqual([machines.id]);
});

it.each([
  ["removed", "DELETE", undefined],
  ["demoted", "PATCH", { role: "member" }],
])("the pending invitations of an administrator who is %s are canceled", async (_, method, json) => {
  await ok("PATCH", "/api/orgs/acme/members/mel", { token: world.admin, json: { role: "admin" } });
  const lost = await link(world.member);
  const kept = await link(world.admin);
  const events = await eventsOf(() => ok(method, "/api/orgs/acme/members/mel", { token: world.admin, json }));
  expect(events.map((event) => event.event)).toContain("organization-invite-canceled");
  expect((await listed(world.admin)).map((invite) => invite.id)).toEqual([kept.id]);
  await refused(409, "PATCH", `${path}/${lost.id}`, { token: world.stranger });
});

it.each(["batch", "unverified/batch"])("%s says which invitations were created", async (kind) => {
  await env.DB.batch([
    env.DB.prepare("UPDATE users SET email = 'mel@example.com' WHERE login = 'mel'"),
    env.DB.prepare("UPDATE users SET email = 'Gus@example.com' WHERE login = 'gus'"),
  ]);
  const invites = ["gus@example.com", "GUS@example.com", "MEL@example.com"].map((email) => ({ email, role: "member" }));
  const first = await ok<{ sentInvites: Made[] }>("POST", `${path}/${kind}`, { token: world.admin, json: { invites } });
  expect(first).toMatchObject({ sentInvites: [{}], failedInvites: invites.slice(1) });
  expect(await ok("POST", `${path}/${kind}`, { token: world.admin, json: { invites: invites.slice(0, 1) } })).toEqual({
    sentInvites: [],
    failedInvites: invites.slice(0, 1),
  });
  const mine = await ok<{ invites: Made[] }>("GET", "/api/user/pending-invites", { token: world.stranger });
  expect(mine.invites.map((invite) => invite.id)).toEqual(first.sentInvites.map((invite) => invite.id));
  expect(await ok("GET", "/api/user/pending-invites", { token: world.billing })).toEqual({ invites: [] });
});

it.each([
  [{ invites: [{ email: "nobody", role: "member" }] }],
  [{ invites: [{ email: "a@b", role: "owner" }] }],
  [{}],
  [{ invites: null }],
])("a batch of %j is 400", async (json) => {
  await changesNothing(() => refused(400, "POST", `${path}/batch`, { token: world.admin, json }));
});

it("the default organization is the chosen one while one is in it", async () => {
  const chosen = async () =>
    (await ok<{ GitHubLogin: string }>("GET", "/api/user/organizations/default", { token: world.stranger })).GitHubLogin;
  await refused(404, "POST", "/api/user/organizations/acme/default", { token: world.stranger });
  const { id } = await link(world.admin);
  await ok("PATCH", `${path}/${id}`, { token: world.stranger });
  expect(await chosen()).toBe("globex");
  await ok("POST", "/api/user/organizations/acme/default", { token: world.stranger });
  expect(await chosen()).toBe("acme");
  await ok("DELETE", "/api/orgs/acme/members/gus", { token: world.admin });
  expect(await chosen()).toBe("globex");
});
