import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import { type Visitor, shown, signIn } from "../support/browser.ts";
import { ok } from "../support/client.ts";
import { laterBy } from "../support/clock.ts";
import { type World, newOrgToken, newWorld } from "../support/world.ts";

const DAY = 86_400_000;
const TOKENS = "/acme/~/tokens";
const CLI = { cliSessionPort: "1234", cliSessionNonce: "abc" };
const CLI_PAGE = "/cli-login?cliSessionPort=1234&cliSessionNonce=abc";

let world: World;
/** The session of a token that ends tomorrow, which every policy allows. */
let admin: Visitor;
beforeEach(async () => {
  world = await newWorld();
  const expires = Math.floor((Date.now() + DAY) / 1000);
  const { tokenValue } = await ok<{ tokenValue: string }>("POST", "/api/user/tokens", { token: world.admin, json: { expires } });
  admin = await signIn(tokenValue);
});

const allow = (days: number | null) =>
  env.DB.prepare("UPDATE organizations SET max_token_expiry_days = ?, settings_version = settings_version + 1 WHERE name = 'acme'")
    .bind(days)
    .run();
const choices = (html: string) => [...html.matchAll(/name="expiry" value="([^"]*)"/g)].map(([, value]) => value!);
const chosen = (html: string) => /name="expiry" value="([^"]*)" checked/.exec(html)?.[1];
const create = (name: string, form: Record<string, string>) => admin.post(`${TOKENS}/new`, { name, roleID: "member", ...form });
/** Days for which the newest token is valid; null: without end. */
const life = () =>
  env.DB.prepare(
    `SELECT (expires_at - created_at) / ${DAY}.0 AS days FROM access_tokens WHERE kind <> 'session' ORDER BY created_at DESC, rowid DESC LIMIT 1`,
  ).first<number | null>("days");

it.each([
  [null, "90"],
  [365, "90"],
  [90, "90"],
  [60, "60"],
  [5, "5"],
  [3650, "90"],
])("under a policy of %s days a form comes with %s chosen, and every choice is good", async (days, choice) => {
  await allow(days);
  const page = await shown(admin.get(`${TOKENS}/new`));
  expect(chosen(page)).toBe(choice);
  for (const expiry of choices(page).filter((value) => value !== "date"))
    expect([expiry, (await create(`for-${expiry}`, { expiry })).status]).toEqual([expiry, 303]);
  // If the chosen option is not allowed under this policy, the form selects another one.
  expect(chosen(await shown(create("<", { expiry: "4000" }), 400))).toBe(choice);
});

it.each([
  [5, 0],
  [5, DAY / 3],
  [null, 0],
  [null, DAY / 3],
])("under a policy of %s days the latest date that the form names is the latest that is taken", async (days, later) => {
  await allow(days);
  laterBy(later);
  const [, date] = /at most (\d{4}-\d\d-\d\d)/.exec(await shown(admin.get(`${TOKENS}/new`)))!;
  expect((await create("on-that-day", { expiry: "date", expiryDate: date! })).status).toBe(303);
  const after = new Date(Date.parse(date!) + DAY).toISOString().slice(0, 10);
  await shown(create("a-day-later", { expiry: "date", expiryDate: after }), 400);
});

it("`pulumi login` gets 90 days by default, and a token that never expires where no policy forbids it", async () => {
  expect(chosen(await shown(admin.get(CLI_PAGE)))).toBe("90");
  expect((await admin.post("/cli-login", { ...CLI, expiry: "never" })).status).toBe(303);
  expect(await life()).toBeNull();
});

it("`pulumi login` gets an expiry that all organizations of the person accept, unless another is chosen", async () => {
  await allow(20);
  const page = await shown(admin.get(CLI_PAGE));
  expect(page).toContain("acme refuses tokens that expire in more than 20 days");
  expect(chosen(page)).toBe("20");
  const answer = await admin.post("/cli-login", { ...CLI, expiry: "20" });
  const token = new URL(answer.headers.get("Location")!).searchParams.get("accessToken")!;
  await ok("GET", "/api/orgs/acme/tokens", { token });
  expect(await life()).toBeCloseTo(20, 3);

  const wrong = await shown(admin.post("/cli-login", { ...CLI, expiry: "date", expiryDate: "2001-01-01" }), 400);
  for (const kept of ["expires is in the past", 'value="2001-01-01"', 'value="abc"']) expect(wrong).toContain(kept);
});

it("shows a time that is beyond all dates", async () => {
  const { id } = await newOrgToken(world, "ci");
  await env.DB.prepare("UPDATE access_tokens SET expires_at = 8640000000001000 WHERE id = ?").bind(id).run();
  for (const path of [TOKENS, `${TOKENS}/${id}`]) expect(await shown(admin.get(path))).toContain("after all dates");
});
