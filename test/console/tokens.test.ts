import { beforeEach, expect, it } from "vitest";
import { eventsOf, settledLog } from "../support/audit.ts";
import { type Visitor, fieldsOf, shown, signIn } from "../support/browser.ts";
import { ok, refused } from "../support/client.ts";
import { laterBy } from "../support/clock.ts";
import { type NewToken, type World, newOrgToken, newStack, newWorld } from "../support/world.ts";

const HERE = "/acme/~/tokens";
let world: World;
let admin: Visitor;
beforeEach(async () => {
  world = await newWorld();
  admin = await signIn(world.admin);
});
const tokenOf = ({ id }: NewToken) => ok("GET", `/api/orgs/acme/tokens/${id}`, { token: world.admin });

it("limits a new token to stacks, networks and countries", async () => {
  const form = {
    name: "limited",
    roleID: "member",
    expiry: "90",
    stacks: "web/* infra/dev:read",
    networks: "203.0.113.0/24",
    countries: "",
  };
  expect((await admin.post(`${HERE}/new`, form)).status).toBe(303);
  const { tokens } = await ok<{ tokens: object[] }>("GET", "/api/orgs/acme/tokens", { token: world.admin });
  expect(tokens[0]).toMatchObject({
    stacks: [
      { project: "web", stack: "*", access: "write" },
      { project: "infra", stack: "dev", access: "read" },
    ],
    ipAllowList: ["203.0.113.0/24"],
  });
  const wrong = { ...form, name: "wrong", stacks: "web/<b>", networks: "here", countries: "Germany" };
  const page = await shown(admin.post(`${HERE}/new`, wrong), 400);
  for (const said of ["a pattern has", "an allowed network is", "a country has two letters", "web/&lt;b&gt;"]) expect(page).toContain(said);
});

it("changes whatever the API changes, and an unchanged form changes nothing", async () => {
  const token = await newOrgToken(world, "ci", { stacks: [{ project: "web", access: "read" }], ipAllowList: ["203.0.113.0/24"] });
  const path = `${HERE}/${token.id}`;
  const untouched = fieldsOf(await shown(admin.get(path)), `${path}/edit`);
  expect(untouched).toMatchObject({ displayName: "ci", stacks: "web/*:read", networks: "203.0.113.0/24", expiry: "keep" });
  const before = await tokenOf(token);
  expect(await eventsOf(() => admin.post(`${path}/edit`, untouched))).toEqual([]);
  expect(await tokenOf(token)).toEqual(before);

  const changed = { ...untouched, displayName: "Jenkins", stacks: "web/* infra/*", networks: "203.0.113.0/24 2001:db8::/32", expiry: "30" };
  const events = await eventsOf(async () => expect((await admin.post(`${path}/edit`, changed)).status).toBe(303));
  expect(events).toMatchObject([{ event: "organization-token-updated" }]);
  const after = await tokenOf(token);
  expect(after).toMatchObject({ displayName: "Jenkins", ipAllowList: ["203.0.113.0/24", "2001:db8::/32"] });
  expect((after["stacks"] as unknown[]).length).toBe(2);
  expect(Number(after["expires"]) * 1000 - Date.now()).toBeLessThanOrEqual(30 * 86_400_000);

  // Members without a field in the form stay; an empty field removes the limit on stacks.
  expect((await admin.post(`${path}/edit`, { displayName: "Jenkins", description: "x" })).status).toBe(303);
  expect(await tokenOf(token)).toEqual({ ...after, description: "x" });
  expect((await admin.post(`${path}/edit`, { ...changed, stacks: "" })).status).toBe(303);
  expect(await tokenOf(token)).toMatchObject({ stacks: [{ project: "*", stack: "*", access: "write" }] });
});

it("a token limited to no stack stays so when its form is sent unchanged", async () => {
  const token = await newOrgToken(world, "nothing", { stacks: [] });
  const path = `${HERE}/${token.id}`;
  const untouched = fieldsOf(await shown(admin.get(path)), `${path}/edit`);
  expect(untouched["stacks"]).toBe("none");
  await admin.post(`${path}/edit`, untouched);
  expect(await tokenOf(token)).toMatchObject({ stacks: [] });
});

it("shows how a machine uses a new token: the backend, and where the CLI finds its console", async () => {
  const created = await admin.post(`${HERE}/new`, { name: "jenkins-ci", description: "", expiry: "never" });
  const page = await shown(admin.with(created).get(created.headers.get("Location")!));
  expect(page).toContain("export PULUMI_BACKEND_URL=https://stackpass.test PULUMI_CONSOLE_DOMAIN=stackpass.test\n");
  expect(page).toContain("&#39;PULUMI_BACKEND_URL=https://stackpass.test&#39;, &#39;PULUMI_CONSOLE_DOMAIN=stackpass.test&#39;");
  // These are the lines for GitHub Actions and for GitLab CI.
  expect(page.match(/PULUMI_BACKEND_URL: https:\/\/stackpass\.test\n +PULUMI_CONSOLE_DOMAIN: stackpass\.test\n/g)).toHaveLength(2);
});

it("keeps what was typed while something is wrong with it", async () => {
  const { id } = await newOrgToken(world, "ci");
  const typed = { displayName: "Typed", description: "here", stacks: "web/<i>", networks: "nowhere", countries: "", expiry: "keep" };
  const page = await shown(admin.post(`${HERE}/${id}/edit`, typed), 400);
  for (const kept of ['value="Typed"', 'value="here"', 'value="nowhere"', 'value="web/&lt;i&gt;"', "<details open"])
    expect(page).toContain(kept);
});

it("rotates, disables and enables, and offers no change of what is deleted", async () => {
  const token = await newOrgToken(world, "ci");
  const path = `${HERE}/${token.id}`;
  expect((await admin.post(`${path}/disable`, {})).status).toBe(303);
  await refused(401, "GET", "/api/user", { token: token.tokenValue });
  expect(await shown(admin.get(path))).toContain("This token is disabled");
  expect((await admin.post(`${path}/enable`, {})).status).toBe(303);
  await ok("GET", "/api/user", { token: token.tokenValue });
  await shown(admin.post(`${path}/rotate`, { overlap: "soon" }), 400);
  expect((await admin.post(`${path}/rotate`, { overlap: "3600" })).headers.get("Location")).toMatch(/\/value$/);
  expect(await shown(admin.get(path))).toContain("a successor");
  await admin.post(`${path}/delete`, { confirmation: "ci" });
  const page = await shown(admin.get(path));
  for (const gone of ["Delete…", "/edit", "/rotate", "/enable"]) expect(page).not.toContain(gone);
});

it("says what can be done about a token that was found in public, and offers nothing else", async () => {
  const token = await newOrgToken(world, "ci");
  const path = `${HERE}/${token.id}`;
  await ok("POST", "/api/token-leaks", { token: token.tokenValue, json: { token: token.tokenValue } });
  const page = await shown(admin.get(path));
  expect(page).toContain("This token was found in public");
  for (const wrong of ["until it is enabled", "/enable", "/disable", "Both values work"]) expect(page).not.toContain(wrong);
  expect((await admin.post(`${path}/rotate`, {})).status).toBe(303);
  const rotated = await shown(admin.get(path));
  expect(rotated).toContain("a successor");
  for (const wrong of ["both are valid until", "/rotate"]) expect(rotated).not.toContain(wrong);
});

it("says that two values work during an overlap, and offers no second rotation", async () => {
  const token = await newOrgToken(world, "ci");
  const path = `${HERE}/${token.id}`;
  await admin.post(`${path}/rotate`, { overlap: "3600" });
  const overlapping = await shown(admin.get(path));
  expect(overlapping).toContain("both are valid until");
  expect(overlapping).not.toContain("/rotate");
  await admin.post(`${path}/disable`, {});
  expect(await shown(admin.get(path))).not.toContain("both are valid until");
  await admin.post(`${path}/enable`, {});
  laterBy(3_601_000);
  expect(await shown(admin.get(path))).not.toContain("both are valid until");
});

it("shows before a deletion what the token created and which successor stays valid, and deletes it with everything it created", async () => {
  const token = await newOrgToken(world, "ci", { mayRotateItself: true });
  const next = await ok<NewToken>("POST", "/api/user/token/rotate", { token: token.tokenValue, json: {} });
  const path = `${HERE}/${token.id}/delete`;
  const page = await shown(admin.get(path));
  expect(page).toMatch(
    /Successors.*>ci-2<\/a> stays valid.*Created with it.*organization token <strong>ci-2<\/strong>.*Delete with everything it created/s,
  );
  expect(await shown(admin.post(path, { confirmation: "no", withDescendants: "true" }), 400)).toContain(
    "This is not the token&#39;s name.",
  );
  await ok("GET", "/api/user", { token: next.tokenValue });
  expect(await shown(admin.post(path, { confirmation: "ci", withDescendants: "true" }))).toMatch(
    /Deleted ci.*These ended as well:.*organization token <strong>ci-2<\/strong>/s,
  );
  await refused(401, "GET", "/api/user", { token: next.tokenValue });
  // The second request shows nothing.
  expect((await admin.post(path, { confirmation: "ci", withDescendants: "true" })).headers.get("Location")).toBe(HERE);
});

it("deletes one's own token alone, or with everything it created", async () => {
  for (const withDescendants of [false, true]) {
    const first = await ok<NewToken>("POST", "/api/user/tokens", { token: world.admin, json: { description: "first" } });
    const second = await ok<NewToken>("POST", "/api/user/tokens", { token: first.tokenValue });
    const path = `/user/settings/tokens/${first.id}/delete`;
    expect(await shown(admin.get(path))).toMatch(/Created with it.*personal token <strong>.*Delete with everything it created/s);
    if (withDescendants) expect(await shown(admin.post(path, { withDescendants: "true" }))).toContain("These ended as well:");
    else expect((await admin.post(path, {})).status).toBe(303);
    await refused(401, "GET", "/api/user", { token: first.tokenValue });
    if (withDescendants) await refused(401, "GET", "/api/user", { token: second.tokenValue });
    else await ok("GET", "/api/user", { token: second.tokenValue });
  }
});

it("removes the permission to rotate itself, and gives it again", async () => {
  const token = await newOrgToken(world, "ci", { mayRotateItself: true });
  const path = `${HERE}/${token.id}`;
  const form = { displayName: "ci", description: "" };
  expect(await shown(admin.get(path))).toContain('<option value="yes" selected');
  expect((await admin.post(`${path}/edit`, { ...form, mayRotateItself: "" })).status).toBe(303);
  expect(await tokenOf(token)).toMatchObject({ mayRotateItself: false });
  await admin.post(`${path}/edit`, { ...form, mayRotateItself: "yes" });
  await admin.post(`${path}/edit`, form);
  expect(await tokenOf(token)).toMatchObject({ mayRotateItself: true });
});

it("shows which of a person's own tokens are valid", async () => {
  const { tokenValue } = await ok<NewToken>("POST", "/api/user/tokens", { token: world.admin, json: { description: "lost" } });
  await ok("POST", "/api/token-leaks", { token: tokenValue, json: { token: tokenValue } });
  const page = await shown(admin.get("/user/settings/tokens"));
  const row = page.split("<tr").find((text) => text.includes(">lost<"))!;
  expect(row).toMatch(/disabled.*found in public/);
  expect(page.split("<tr").filter((text) => text.includes("active"))).toHaveLength(1);
});

it("limits the length of a search", async () => {
  expect(await shown(admin.get(HERE))).toMatch(/<input id="search"[^>]* maxlength="100"/);
});

it("shows what a token used beside what it has, and fills the form with the proposed stacks", async () => {
  const token = await newOrgToken(world, "ci");
  for (const stack of ["dev", "prod"]) await newStack(world.member, "web", stack);
  await ok("GET", "/api/stacks/acme/web/dev/export", { token: token.tokenValue });
  await settledLog();
  const path = `${HERE}/${token.id}`;
  expect(await shown(admin.get(path))).toContain(`href="${path}?used=yes#used"`);
  const compared = await shown(admin.get(`${path}?used=yes`));
  for (const said of ["Read Only, or a custom role", "stack:export", "Not used:", "web/dev:read"]) expect(compared).toContain(said);
  expect(fieldsOf(compared, `${path}/edit`)["stacks"]).toBe("");

  const proposed = fieldsOf(await shown(admin.get(`${path}?used=yes&proposed=yes`)), `${path}/edit`);
  expect(proposed["stacks"]).toBe("web/dev:read");
  expect(await tokenOf(token)).not.toHaveProperty("stacks");
  expect((await admin.post(`${path}/edit`, proposed)).status).toBe(303);
  expect(await tokenOf(token)).toMatchObject({ stacks: [{ project: "web", stack: "dev", access: "read" }] });

  const member = await signIn(world.member);
  expect((await member.get(`${path}?used=yes&proposed=yes`)).status).toBe(403);
});
