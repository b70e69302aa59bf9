import { beforeEach, expect, it } from "vitest";
import { type Visitor, shown, signIn } from "../support/browser.ts";
import { ok, refused } from "../support/client.ts";
import { type World, newOrgToken, newWorld } from "../support/world.ts";

const HERE = "/acme/~/settings";
const form = {
  setDefaultStackPermission: "102",
  setMembersCanCreateStacks: "yes",
  setMaxAccessTokenExpiryDays: "",
  setDisableUnusedTokensAfterDays: "90",
  setAuditRetentionDays: "400",
  setInFlightRevocation: "abort",
  setMaxDrainHours: "12",
  setAllowedCidrs: "203.0.113.0/24",
  setAllowedCountries: "",
};
let world: World;
let admin: Visitor;
beforeEach(async () => {
  world = await newWorld();
  admin = await signIn(world.admin);
});
const settings = () => ok("GET", "/api/orgs/acme/metadata", { token: world.admin });

it("saves the same settings as the API, and clears one whose number is empty", async () => {
  expect((await admin.post(HERE, form)).status).toBe(303);
  expect(await settings()).toMatchObject({
    defaultStackPermission: 102,
    membersCanCreateStacks: true,
    membersCanDeleteStacks: false,
    disableUnusedTokensAfterDays: 90,
    auditRetentionDays: 400,
    inFlightRevocation: "abort",
    maxDrainHours: 12,
    allowedCidrs: ["203.0.113.0/24"],
  });
  expect((await admin.post(HERE, { ...form, setDisableUnusedTokensAfterDays: "" })).status).toBe(303);
  expect(await settings()).not.toHaveProperty("disableUnusedTokensAfterDays");
});

it.each([
  { setAuditRetentionDays: "many" },
  { setMaxAccessTokenExpiryDays: "-1" },
  { setAllowedCidrs: "<i>here" },
  { setAllowedCidrs: "192.0.2.0/24" },
  { setInFlightRevocation: "never" },
  { setMaxDrainHours: "0" },
])("refuses %j, keeps what was typed, and changes nothing", async (wrong) => {
  const before = await settings();
  const page = await shown(admin.post(HERE, { ...form, ...wrong, setAllowedCountries: "" }), 400);
  expect(page).toContain('value="90"');
  for (const typed of Object.values(wrong)) if (/^[-\w./]+$/.test(typed) && typed !== "never") expect(page).toContain(`value="${typed}"`);
  expect(await settings()).toEqual(before);
});

it("shows members what there is, and lets them change nothing", async () => {
  const member = await signIn(world.member);
  expect(await shown(member.get(HERE))).not.toContain("<button>Save");
  await shown(member.post(HERE, form), 403);
});

it("says which tokens a shorter maximum would refuse, and saves only after a confirmation", async () => {
  const soon = Math.floor(Date.now() / 1000) + 3 * 86_400;
  await newOrgToken(world, "for-ever");
  await newOrgToken(world, "short", { expires: soon });
  const { tokenValue } = await ok<{ tokenValue: string }>("POST", "/api/user/tokens", {
    token: world.admin,
    json: { description: "short", expires: soon },
  });
  const wanted = { ...form, setMaxAccessTokenExpiryDays: "30" };
  const before = await settings();
  const page = await shown(admin.post(HERE, wanted), 409);
  expect(page).toContain("1 of the organization: for-ever");
  // Of ada, mel and bill: the personal tokens that they began with.
  expect(page).toContain("3 of members");
  expect(page).toContain("1 of these is your own.");
  // She signed in with that one.
  expect(page).toContain("you would lose access, too");
  expect(page).toContain('value="30"');
  expect(await settings()).toEqual(before);

  const careful = await signIn(tokenValue);
  expect(await shown(careful.post(HERE, wanted), 409)).not.toContain("you would lose access, too");
  expect((await careful.post(HERE, { ...wanted, shutOut: "yes" })).status).toBe(303);
  await refused(403, "GET", "/api/orgs/acme/metadata", { token: world.admin });
  expect(await shown(careful.get(HERE))).toContain('value="30"');

  // What is refused already is no news, and neither is a longer maximum or none.
  for (const days of ["30", "20", "40", ""])
    expect((await careful.post(HERE, { ...form, setMaxAccessTokenExpiryDays: days })).status).toBe(303);
  const all = await shown(careful.post(HERE, { ...form, setMaxAccessTokenExpiryDays: "2" }), 409);
  expect(all).toContain("2 of the organization: for-ever, short");
  expect(all).toContain("you would lose access, too");
});
