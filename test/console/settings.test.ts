import { beforeEach, expect, it } from "vitest";
import { type Visitor, shown, signIn } from "../support/browser.ts";
import { ok } from "../support/client.ts";
import { type World, newWorld } from "../support/world.ts";

const HERE = "/acme/~/settings";
const form = {
  setDefaultStackPermission: "102",
  setMembersCanCreateStacks: "yes",
  setMaxAccessTokenExpiryDays: "",
  setDisableUnusedTokensAfterDays: "90",
  setAuditRetentionDays: "400",
  setInFlightRevocation: "abort",
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

it("saves what the API saves, and an empty number clears", async () => {
  expect((await admin.post(HERE, form)).status).toBe(303);
  expect(await settings()).toMatchObject({
    defaultStackPermission: 102,
    membersCanCreateStacks: true,
    membersCanDeleteStacks: false,
    disableUnusedTokensAfterDays: 90,
    auditRetentionDays: 400,
    inFlightRevocation: "abort",
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
