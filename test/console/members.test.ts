import { beforeEach, expect, it } from "vitest";
import { shown, signIn } from "../support/browser.ts";
import { ok } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, newWorld } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

it("changes roles, adds and removes people, and says why a change is refused", async () => {
  const admin = await signIn(world.admin);
  expect((await admin.post("/acme/~/members/mel/role", { role: "admin" })).status).toBe(303);
  const { members } = await ok<{ members: { role: string; user: { githubLogin: string } }[] }>("GET", "/api/orgs/acme/members", {
    token: world.admin,
  });
  expect(members.find(({ user }) => user.githubLogin === "mel")?.role).toBe("admin");
  expect((await admin.post("/acme/~/members/mel/role", { role: "member" })).status).toBe(303);
  expect(await shown(admin.post("/acme/~/members/ada/role", { role: "member" }), 400)).toContain("at least one admin");
  await shown(admin.post("/acme/~/members/mel/role", { role: "emperor" }), 400);

  expect(await shown(admin.post("/acme/~/members", { login: "<b>nobody", role: "member" }), 400)).toContain("&lt;b&gt;nobody");
  expect((await admin.post("/acme/~/members", { login: "gus", role: "member" })).status).toBe(303);
  expect(await shown(admin.get("/acme/~/members"))).toContain("gus");

  const mel = await signIn(world.member);
  await shown(mel.get("/acme/~/members"));
  expect((await admin.post("/acme/~/members/mel/remove", {})).status).toBe(303);
  await shown(mel.get("/acme/~/members"), 404);
  expect(await shown(admin.post("/acme/~/members/ada/remove", {}), 400)).toContain("cannot remove yourself");
});

it("shows what a new role would change, and changes nothing", async () => {
  const admin = await signIn(world.admin);
  const page = "/acme/~/members/mel/role";
  await changesNothing(async () => {
    const effects = await shown(admin.post(page, { role: "billing-manager", show: "effects" }));
    expect(effects).toMatch(/Nothing has been changed yet.*Loses.*mel.*stack:create/s);
    expect(effects).toMatch(/value="billing-manager"[^>]*checked/);
    expect(await shown(admin.post(page, { role: "member", show: "effects" }))).toContain("Nobody would gain or lose a right.");
    await shown(admin.post(page, { role: "emperor", show: "effects" }), 400);
  });
});

it("invites by link: the link opens the page that joins, once, and can be taken back", async () => {
  const HERE = "/acme/~/members/invites";
  const admin = await signIn(world.admin);
  expect(await shown(admin.get(HERE))).toContain("No pending invitations");
  await shown(admin.post(HERE, { role: "emperor" }), 400);
  for (let i = 0; i < 2; i++) expect((await admin.post(HERE, { role: "member" })).status).toBe(303);
  const links = [...(await shown(admin.get(HERE))).matchAll(/https:\/\/stackpass\.test(\/acme\/~\/invites\/([0-9a-f-]+))/g)];
  const [[, path, id], [, other]] = links as unknown as [string[], string[]];
  const gus = await signIn(world.stranger);
  expect(await shown(gus.get(path!))).toContain("Join acme");
  expect((await admin.post(`${HERE}/${id}/cancel`, {})).status).toBe(303);
  await shown(gus.get(path!), 404);
  expect(await shown(admin.post(`${HERE}/${id}/cancel`, {}), 400)).toContain("Invite");
  expect((await gus.post(other!, {})).headers.get("Location")).toBe("/acme");
  await shown(gus.get("/acme"));
  await shown(gus.get(HERE), 403);
});
