import { beforeEach, describe, expect, it } from "vitest";
import { ok } from "../support/client.ts";
import { type World, newWorld } from "../support/world.ts";
import { type Scim, good, newScimToken, patchOf, scimClient, userOf } from "../scim/support/client.ts";
import { Browser, type Connected, connect, eve, prove, row, signInAgain } from "./support/idp.ts";

let world: World;
let acme: Connected;
let scim: Scim;
beforeEach(async () => {
  world = await newWorld();
  acme = await connect(world);
  scim = scimClient(await newScimToken(world));
});

/** Where a sign-in through the organization's provider leads. */
const arrives = async (claims = eve(), browser = new Browser()) => browser.led(acme.idp.visit(browser, "/login/acme/sso", { claims }));
const refusal = (claims = eve(), browser = new Browser()) => browser.shown(acme.idp.visit(browser, "/login/acme/sso", { claims }), 403);
const setActive = (id: string, active: boolean) => good(scim, "PATCH", `/Users/${id}`, patchOf({ op: "replace", value: { active } }));
const accountOf = (id: string) => row<{ user_id: string }>("SELECT user_id FROM scim_users WHERE id = ?", id);
const identities = () => row<{ n: number }>("SELECT count(*) AS n FROM identities");

describe("a person whom SCIM made", () => {
  it.each([
    ["by the external id, which is the subject", userOf("someone@acme.example", { externalId: eve()["sub"] as string }), {}],
    ["by the name at the provider", userOf("eve"), { preferred_username: "eve" }],
    ["by the confirmed address", userOf("Eve@Acme.example"), { preferred_username: "other" }],
  ])("signs in to the account that SCIM made, found %s", async (_, user, claims) => {
    const { id } = await good(scim, "POST", "/Users", user);
    await signInAgain(acme, eve(claims));
    expect(await row("SELECT user_id FROM identities")).toEqual(await accountOf(id as string));
    expect(await row("SELECT count(*) AS n FROM members WHERE user_id = (SELECT user_id FROM identities)")).toEqual({ n: 1 });
  });

  it("is not found by an address that the provider does not confirm", async () => {
    await good(scim, "POST", "/Users", userOf("eve@acme.example"));
    expect(await arrives(eve({ preferred_username: "somebody", email_verified: false }))).toBe("/login/first");
    expect(await identities()).toEqual({ n: 0 });
  });

  it("is not taken over by another person of the provider who takes the same name", async () => {
    await good(scim, "POST", "/Users", userOf("eve@acme.example"));
    await signInAgain(acme);
    expect(await arrives(eve({ sub: "mallory", email: "mallory@acme.example" }))).toBe("/login/first");
    expect(await identities()).toEqual({ n: 1 });
  });

  it("cannot sign in while deactivated, by an identity or for the first time, and can again after the activation", async () => {
    await prove();
    const { id } = await good(scim, "POST", "/Users", userOf("eve@acme.example"));
    await setActive(id as string, false);
    expect(await refusal()).toContain("has deactivated your account");
    await setActive(id as string, true);
    await signInAgain(acme);
    await setActive(id as string, false);
    expect(await refusal()).toContain("has deactivated your account");
    // The names at the provider may have changed: the identity is the same.
    expect(await refusal(eve({ preferred_username: "other", email: "other@acme.example" }))).toContain("has deactivated your account");
    expect(await row("SELECT count(*) AS n FROM members WHERE user_id = (SELECT user_id FROM identities)")).toEqual({ n: 0 });
    await setActive(id as string, true);
    await signInAgain(acme);
  });
});

it("an account that existed before is not opened by SCIM: its holder links it", async () => {
  await good(scim, "POST", "/Users", userOf("mel", { externalId: "mel-at-acme" }));
  expect(await arrives(eve({ sub: "mel-at-acme", preferred_username: "mel" }))).toBe("/login/first");
  expect(await identities()).toEqual({ n: 0 });
  const { members } = await ok<{ members: { user: { githubLogin: string } }[] }>("GET", "/api/orgs/acme/members", { token: world.admin });
  expect(members.map(({ user }) => user.githubLogin)).toContain("mel");
});
