import { beforeEach, expect, it } from "vitest";
import { settledLog } from "../support/audit.ts";
import { shown, signIn } from "../support/browser.ts";
import { ok, refused } from "../support/client.ts";
import { type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

const HERE = "/acme/~/numbers";
let world: World;
beforeEach(async () => void (world = await newWorld()));

/** The terms of the page, each with its value. */
const facts = (page: string) =>
  Object.fromEntries([...page.matchAll(/<dt>([^<]+)<\/dt><dd>([^<]*)<\/dd>/g)].map(([, term, text]) => [term, text]));

it("shows an administrator the counts, and is linked from the settings", async () => {
  const admin = await signIn(world.admin);
  expect(await shown(admin.get("/acme/~/settings"))).toContain(`href="${HERE}"`);
  expect(await shown(admin.get(HERE))).toContain("None.");
  await newOrgToken(world, "ci");
  await newStack(world.member);
  await startUpdate(world.member);
  await refused(403, "POST", "/api/orgs/acme/tokens", { token: world.member, json: { name: "x" } });
  const records = (await settledLog()).length;
  const page = await shown(admin.get(HERE));
  expect(facts(page)).toEqual({
    "Running now": "1",
    Stacks: "1",
    "Access tokens of the organization": "1",
    Members: "3",
    "Audit records": String(records),
    "Archived records": "0",
    "Last signed checkpoint": "none yet",
  });
  expect(page).toContain('<th scope="row">Auth Failure Organization Role</th><td>1</td>');
});

it("is refused to everybody else", async () => {
  const member = await signIn(world.member);
  await shown(member.get(HERE), 403);
  expect(await shown(member.get("/acme/~/settings"))).not.toContain(HERE);
  await shown((await signIn(world.stranger)).get(HERE), 404);
  await ok("GET", "/api/user", { token: world.member });
});
