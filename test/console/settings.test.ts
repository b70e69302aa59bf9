import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import { type Visitor, shown, signIn } from "../support/browser.ts";
import { ok, refused } from "../support/client.ts";
import { type World, newOrgToken, newWorld } from "../support/world.ts";

const HERE = "/acme/~/settings";
const forms = {
  tokens: {
    setMaxAccessTokenExpiryDays: "",
    setDisableUnusedTokensAfterDays: "90",
    setInFlightRevocation: "abort",
    setMaxDrainHours: "12",
  },
  networks: { setAllowedCidrs: "203.0.113.0/24", setAllowedCountries: "" },
  stacks: { setDefaultStackPermission: "102", setMembersCanCreateStacks: "yes" },
  audit: { setAuditRetentionDays: "400" },
};
type Section = keyof typeof forms;
const formOf = (section: Section, change: Record<string, string> = {}) => ({ section, ...forms[section], ...change });
let world: World;
let admin: Visitor;
beforeEach(async () => {
  world = await newWorld();
  admin = await signIn(world.admin);
});
const settings = () => ok<Record<string, unknown>>("GET", "/api/orgs/acme/metadata", { token: world.admin });

it("saves the same settings as the API, each section alone, and clears one whose number is empty", async () => {
  for (const section of Object.keys(forms) as Section[]) {
    const before = await settings();
    const answer = await admin.post(HERE, formOf(section));
    expect(answer.status).toBe(303);
    expect(await shown(admin.with(answer).get(HERE))).toMatch(/role="status">\s*The settings of the section .* were saved\./);
    const after = await settings();
    for (const other of Object.keys(forms) as Section[])
      if (other !== section)
        for (const name of Object.keys(forms[other])) {
          const member = name.replace(/^set./, (start) => start.at(-1)!.toLowerCase());
          expect([section, member, after[member]]).toEqual([section, member, before[member]]);
        }
  }
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
  expect((await admin.post(HERE, formOf("tokens", { setDisableUnusedTokensAfterDays: "" }))).status).toBe(303);
  expect(await settings()).not.toHaveProperty("disableUnusedTokensAfterDays");
});

it.each<[Section, Record<string, string>]>([
  ["audit", { setAuditRetentionDays: "many" }],
  ["tokens", { setMaxAccessTokenExpiryDays: "-1" }],
  ["networks", { setAllowedCidrs: "<i>here" }],
  ["networks", { setAllowedCidrs: "192.0.2.0/24" }],
  ["tokens", { setInFlightRevocation: "never" }],
  ["tokens", { setMaxDrainHours: "0" }],
])("refuses %s with %j, keeps what was typed, and changes nothing", async (section, wrong) => {
  const before = await settings();
  const page = await shown(admin.post(HERE, formOf(section, wrong)), 400);
  if (section === "tokens") expect(page).toContain('value="90"');
  for (const typed of Object.values(wrong)) if (/^[-\w./]+$/.test(typed) && typed !== "never") expect(page).toContain(`value="${typed}"`);
  expect(await settings()).toEqual(before);
});

it("refuses a form without a section, and keeps the boxes of a refused one", async () => {
  await shown(admin.post(HERE, { setAuditRetentionDays: "1" }), 400);
  const page = await shown(admin.post(HERE, { section: "stacks", setDefaultStackPermission: "7", setMembersCanDeleteStacks: "yes" }), 400);
  expect(page).toMatch(/name="setMembersCanDeleteStacks" value="yes" checked/);
  expect(page).not.toMatch(/name="setMembersCanCreateStacks" value="yes" checked/);
});

it("shows the edition only where it limits the organization", async () => {
  expect(await shown(admin.get(HERE))).not.toContain("<dt>Edition</dt>");
  await env.DB.prepare("UPDATE organizations SET edition = 'team', settings_version = settings_version + 1").run();
  expect(await shown((await signIn(world.admin)).get(HERE))).toContain("<dt>Edition</dt>");
});

it("shows members what there is, and lets them change nothing", async () => {
  const member = await signIn(world.member);
  expect(await shown(member.get(HERE))).not.toContain(">Save</button>");
  await shown(member.post(HERE, formOf("stacks")), 403);
});

it("says which tokens a shorter maximum would refuse, and saves only after a confirmation", async () => {
  const soon = Math.floor(Date.now() / 1000) + 3 * 86_400;
  await newOrgToken(world, "for-ever");
  await newOrgToken(world, "short", { expires: soon });
  const { tokenValue } = await ok<{ tokenValue: string }>("POST", "/api/user/tokens", {
    token: world.admin,
    json: { description: "short", expires: soon },
  });
  const wanted = formOf("tokens", { setMaxAccessTokenExpiryDays: "30" });
  const before = await settings();
  const page = await shown(admin.post(HERE, wanted), 409);
  expect(page).toContain("1 of the organization: for-ever");
  // These are the personal tokens of ada, mel and bill, which they have from the start.
  expect(page).toContain("3 of members");
  expect(page).toContain("1 of these is your own.");
  // ada signed in with that token.
  expect(page).toContain("you would lose access, too");
  expect(page).toContain('value="30"');
  expect(await settings()).toEqual(before);

  const careful = await signIn(tokenValue);
  expect(await shown(careful.post(HERE, wanted), 409)).not.toContain("you would lose access, too");
  expect((await careful.post(HERE, { ...wanted, shutOut: "yes" })).status).toBe(303);
  await refused(403, "GET", "/api/orgs/acme/metadata", { token: world.admin });
  expect(await shown(careful.get(HERE))).toContain('value="30"');

  // The page asks nothing about tokens that are refused already, and nothing if the maximum grows or is removed.
  for (const days of ["30", "20", "40", ""])
    expect((await careful.post(HERE, formOf("tokens", { setMaxAccessTokenExpiryDays: days }))).status).toBe(303);
  const all = await shown(careful.post(HERE, formOf("tokens", { setMaxAccessTokenExpiryDays: "2" })), 409);
  expect(all).toContain("2 of the organization: for-ever, short");
  expect(all).toContain("you would lose access, too");
});
