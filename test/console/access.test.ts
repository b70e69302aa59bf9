import { beforeEach, expect, it, onTestFinished, vi } from "vitest";
import { pages } from "../../src/console/pages.ts";
import { eventsOf, settledLog } from "../support/audit.ts";
import { newVisitor, shown, signIn } from "../support/browser.ts";
import { ok } from "../support/client.ts";
import { type NewToken, type World, newOrgToken, newStack, newTeam, newWorld, startUpdate } from "../support/world.ts";
import { deploymentOf, rootStack } from "../support/deployment.ts";
import { Destination, HOOKS, STACK_HOOKS, deliveriesOf, newHook, newStackHook, reachable } from "../webhooks/support/hooks.ts";
import { type Receiver, newStream } from "../streams/support/receiver.ts";
import { allowing, exchanged, newIdp } from "../oidc/support/idp.ts";
import { allow, newRoleId } from "../roles/roles.ts";

let world: World;
let token: NewToken;
let inviteID: string;
let roleID: string;
let teamToken: NewToken;
let issuer: { id: string; sessionId: string };
/** Ids of an audit stream, and of a delivery of each webhook. */
let sent = { stream: "none", ofOrganization: "none", ofStack: "none" };
beforeEach(async () => {
  world = await newWorld();
  token = await newOrgToken(world, "ci");
  ({ id: inviteID } = await ok<{ id: string }>("POST", "/api/orgs/acme/invites/link", { token: world.admin, json: { role: "member" } }));
  roleID = await newRoleId(world.admin, "Reader", allow("stack:read"));
  await newTeam(world);
  teamToken = await ok<NewToken>("POST", "/api/orgs/acme/teams/platform/tokens", { token: world.admin, json: { name: "team-ci" } });
  const idp = await newIdp(world, [allowing(), allowing({ decision: "deny", rules: { event_name: "pull_request*" } })]);
  await exchanged(await idp.token());
  const { sessions } = await ok<{ sessions: { id: string }[] }>("GET", `/api/orgs/acme/oidc/issuers/${idp.id}/sessions`, {
    token: world.admin,
  });
  issuer = { id: idp.id, sessionId: sessions[0]!.id };
});

/** A stack with a state, webhooks that have sent a message, and an audit stream. */
async function newThings(creator: string): Promise<void> {
  await newStack(creator);
  await ok("POST", "/api/stacks/acme/web/dev/import", { token: creator, json: deploymentOf([rootStack]) });
  const destination = new Destination(9160);
  reachable(destination);
  const { id: stream } = await newStream(world, "https", { url: destination.url } as Receiver);
  await newHook(world, destination, { name: "deploys" });
  await newStackHook(world, destination, { name: "deploys" });
  const delivery = async (path: string) => {
    await ok("POST", `${path}/deploys/ping`, { token: world.admin });
    return (await deliveriesOf(world, "deploys", path))[0]!.id;
  };
  sent = { stream, ofOrganization: await delivery(HOOKS), ofStack: await delivery(STACK_HOOKS) };
}

/** An invitation is for people who are not in the organization yet. */
const inOrganization = pages.filter((page) => page.path.includes(":orgName") && page.permission !== "person");
/** Rights that a member has by default; all others are the administrators'. */
const membersHave = new Set([
  "organization:read",
  "org_member:read",
  "team:list",
  "team:read",
  "stack:list",
  "stack:read",
  "stack:export",
  "stack:decrypt",
  "stack_access:read",
  "stack:cancel_update",
  "stack_webhook:read",
  "stack_webhook:create",
  "stack_webhook:update",
  "stack_webhook:delete",
]);
/** Pages that administrators of the team and those of the organization may open. */
const ofTeamAdministrators = /\/teams\/:teamName\/(tokens|settings)/;

/** The status of a page for a reader who may see it. The organization's first address only redirects. */
const good = (path: string) => (path === "/:orgName/~" ? 303 : 200);

/** The values of the parameters of a path: things that exist in acme. */
function pathOf(pattern: string, ids = { update: "0", preview: "0" }): string {
  const updateId = pattern.includes("/previews/") ? ids.preview : ids.update;
  const values: Record<string, string> = {
    orgName: "acme",
    tokenId: pattern.includes("/teams/") ? teamToken.id : pattern.includes("/oidc/") ? issuer.sessionId : token.id,
    issuerId: issuer.id,
    kind: pattern.includes("/new-stream/") ? "https" : "github-actions",
    streamId: sent.stream,
    hookName: "deploys",
    event: pattern.includes("/:projectName/") ? sent.ofStack : sent.ofOrganization,
    teamName: "platform",
    roleID,
    login: "mel",
    sequence: "1",
    projectName: "web",
    project: "web",
    stackName: "dev",
    stack: "dev",
    version: "1",
    updateId,
    updateID: updateId,
    inviteID,
  };
  const query = /\/resource(\/history)?$/.test(pattern)
    ? `?urn=${encodeURIComponent(rootStack.urn)}`
    : /\/(state|restore)$/.test(pattern)
      ? "?version=1"
      : "";
  return pattern.replaceAll(/:(\w+)(\{[^}]*\})?\??/g, (_, name: string) => values[name] ?? "1") + query;
}

it("no page of an organization opens without a session", async () => {
  const nobody = newVisitor();
  for (const { method, path } of inOrganization) {
    const answer = method === "GET" ? await nobody.get(pathOf(path)) : await nobody.post(pathOf(path), {});
    expect([method, path, answer.status], await answer.text()).toEqual([method, path, 303]);
    expect(answer.headers.get("Location")).toMatch(/^\/signin/);
  }
});

it("another organization's administrator does not learn that any page exists", async () => {
  const stranger = await signIn(world.stranger);
  const absent = await stranger.get("/nobody-is-called-so/~/tokens");
  for (const { method, path } of inOrganization) {
    const answer = method === "GET" ? await stranger.get(pathOf(path)) : await stranger.post(pathOf(path), {});
    expect([method, path, answer.status], await answer.text()).toEqual([method, path, absent.status]);
  }
  expect(absent.status).toBe(404);
});

it("a member sees the pages for members, and is told that the others are not allowed", async () => {
  await newThings(world.member);
  const { id: preview } = await startUpdate(world.member, { kind: "preview", dryRun: true });
  const { id: update } = await startUpdate(world.member);
  await settledLog();
  const member = await signIn(world.member);
  for (const { method, path, permission } of inOrganization) {
    const may = membersHave.has(permission) && !(ofTeamAdministrators.test(path) && !path.endsWith("/value"));
    if (method === "GET") {
      const answer = await member.get(pathOf(path, { update, preview }));
      expect([path, answer.status], await answer.text()).toEqual([path, may ? good(path) : 403]);
    } else if (!may) {
      const answer = await member.post(pathOf(path, { update, preview }), {});
      // The member may have the right although this list does not contain it; then the form itself is refused.
      expect([403, 400, 303, 404, 409], `${path}: ${await answer.text()}`).toContain(answer.status);
      if (/^(org_token|organization:update|audit_logs|org_member|oidc_issuers|auth_policies)/.test(permission))
        expect([path, answer.status]).toEqual([path, 403]);
    }
  }
});

it("an administrator sees every page", async () => {
  await newThings(world.admin);
  const { id: preview } = await startUpdate(world.admin, { kind: "preview", dryRun: true });
  const { id: update } = await startUpdate(world.admin);
  await settledLog();
  const admin = await signIn(world.admin);
  for (const { method, path } of inOrganization) {
    if (method !== "GET") continue;
    const answer = await admin.get(pathOf(path, { update, preview }));
    const text = await answer.text();
    expect([path, answer.status], text).toEqual([path, good(path)]);
    if (answer.headers.get("Content-Type")?.startsWith("text/html"))
      expect(answer.headers.get("Content-Security-Policy")).toMatch(/default-src 'none'.*script-src 'self'/);
  }
});

it("every page that needs a person sends a visitor without a session to the sign-in", async () => {
  const nobody = newVisitor();
  const mine = pages.filter((page) => page.permission === "person");
  expect(mine.length).toBeGreaterThan(0);
  for (const { method, path } of mine) {
    const answer = method === "GET" ? await nobody.get(pathOf(path)) : await nobody.post(pathOf(path), {});
    expect([path, answer.status, answer.headers.get("Location")?.split("?")[0]]).toEqual([path, 303, "/signin"]);
  }
});

it("a person who may not see stacks starts on a page that is allowed, and has no link to the list of stacks", async () => {
  const billing = await signIn(world.billing);
  const refusals = await eventsOf(async () => {
    expect((await billing.get("/")).headers.get("Location")).toBe("/acme");
    expect(await shown(billing.get("/acme"))).not.toContain('href="/acme/~/stacks"');
    expect(await shown(billing.get("/acme/~/members"))).toContain('href="/acme"');
  });
  expect(refusals).toEqual([]);
});

it("a refused page still has its header: who is signed in, how to sign out, and links to the allowed pages", async () => {
  const log = vi.spyOn(console, "log");
  onTestFinished(() => log.mockRestore());
  const page = await shown((await signIn(world.billing)).get("/acme/~/stacks"), 403);
  for (const part of [">bill</a>", 'action="/signout"', 'href="/acme/~/members"', 'href="/acme/~/settings"']) expect(page).toContain(part);
  expect(page).not.toContain('href="/acme/~/tokens"');
  const line = log.mock.calls.flat().find((text) => String(text).includes('"status":403'));
  expect(line).toMatch(/"organization":"[^"]+","token":"[^"]+"/);
});
