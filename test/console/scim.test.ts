import { beforeEach, expect, it } from "vitest";
import { shown, signIn } from "../support/browser.ts";
import { ok } from "../support/client.ts";
import { type World, newWorld } from "../support/world.ts";

const HERE = "/acme/~/scim";
let world: World;
beforeEach(async () => void (world = await newWorld()));

it("creates a token that is shown once, changes the settings, and deletes the token", async () => {
  const admin = await signIn(world.admin);
  expect(await shown(admin.get("/acme/~/settings"))).toContain(`href="${HERE}"`);
  expect(await shown(admin.get(HERE))).toContain("https://stackpass.test/scim/v2/acme");
  const made = await admin.post(HERE, { name: "okta", expiry: "never" });
  expect(made.headers.get("Location")).toBe(`${HERE}/value`);
  const [, value] = /(pul-[0-9a-f]{40})/.exec(await shown(admin.with(made).get(`${HERE}/value`))) ?? [];
  expect(value).toBeDefined();
  expect(await shown(admin.with(made).get(`${HERE}/value`))).not.toContain(value);
  expect(await shown(admin.post(HERE, { name: "okta", expiry: "never" }), 409)).toContain("token name already exists");
  expect(await shown(admin.post(HERE, { name: "no good", expiry: "never" }), 400)).toContain("Please correct the marked fields.");

  await admin.post(`${HERE}/settings`, { deletesTeams: "yes" });
  expect(await ok("GET", "/api/orgs/acme/scim", { token: world.admin })).toMatchObject({ deletesTeams: true, restoresTokens: false });

  const { tokens } = await ok<{ tokens: { id: string }[] }>("GET", "/api/orgs/acme/scim/tokens", { token: world.admin });
  await admin.post(`${HERE}/${tokens[0]!.id}/delete`, {});
  expect(await shown(admin.get(HERE))).toContain("There is no SCIM token.");
});

it("is refused to everybody else", async () => {
  const member = await signIn(world.member);
  await shown(member.get(HERE), 403);
  await shown(member.post(HERE, { name: "x" }), 403);
});
