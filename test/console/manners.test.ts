import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { type Visitor, newVisitor, shown, signIn } from "../support/browser.ts";
import { ok } from "../support/client.ts";
import { countRowsRead } from "../support/rows.ts";
import { type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
let admin: Visitor;
beforeEach(async () => {
  world = await newWorld();
  admin = await signIn(world.admin);
});

const DISPLAY = "/user/settings/display";

describe("the display", () => {
  it("is chosen on any page, signed in or not, and stays for every page of the browser", async () => {
    const dark = await newVisitor().post(DISPLAY, { theme: "dark", next: "/signin" });
    expect([dark.status, dark.headers.get("Location")]).toEqual([303, "/signin"]);
    const visitor = newVisitor().with(dark);
    expect(await shown(visitor.get("/signin"))).toMatch(/<html lang="en" class="dark">.*value="dark" aria-pressed="true"/s);
    const berlin = await visitor.post(DISPLAY, { zone: "Europe/Berlin", next: "/signin" });
    const page = await shown(visitor.with(berlin).get("/signin"));
    expect(page).toContain('class="dark"');
    expect(page).toContain("Times in Europe/Berlin");
    const system = await visitor.with(berlin).post(DISPLAY, { theme: "system" });
    expect(await shown(visitor.with(berlin).with(system).get("/signin"))).toMatch(/<html lang="en">.*Times in Europe\/Berlin/s);
  });

  it("takes the zone of the browser with the sign-in, unless one was chosen", async () => {
    const first = await newVisitor().post("/signin", { token: world.admin, zone: "Asia/Calcutta" });
    expect(await shown(newVisitor().with(first).get("/acme/~/tokens"))).toMatch(/Times in Asia\/(Kolkata|Calcutta)/);
    const chosen = newVisitor().with(await newVisitor().post(DISPLAY, { zone: "UTC" }));
    const second = await chosen.post("/signin", { token: world.admin, zone: "Asia/Calcutta" });
    expect(await shown(chosen.with(second).get("/acme/~/tokens"))).toContain("Times in UTC");
  });

  it("ignores what does not exist, and leads to no other site", async () => {
    const odd = await admin.post(DISPLAY, { theme: "<b>", zone: "Mars/Olympus", next: "//evil.example" });
    expect(odd.headers.get("Location")).toBe("/");
    expect(await shown(admin.with(odd).get("/acme/~/tokens"))).toMatch(/<html lang="en">.*Times in UTC/s);
    for (const cookie of ["theme=pink&zone=x", "%00", "x".repeat(3000)])
      await shown(newVisitor(`__Host-stackpass-display=${cookie}`).get("/signin"));
    expect((await newVisitor().post(DISPLAY, { theme: "dark" }, { "Sec-Fetch-Site": "cross-site" })).status).toBe(403);
  });
});

describe("a form that is refused", () => {
  const post = (visitor: Visitor, path: string, form: Record<string, string>) => visitor.submit(path, form);

  it("is shown again at the address of its page, once, with what was typed", async () => {
    const refused = await post(admin, "/acme/~/tokens/new", { name: "no good", description: "<i>kept", expiry: "90", roleID: "member" });
    expect([refused.status, refused.headers.get("Location")]).toEqual([303, "/acme/~/tokens/new"]);
    const reader = admin.with(refused);
    const answer = await reader.get("/acme/~/tokens/new");
    const page = await answer.clone().text();
    expect(answer.status).toBe(400);
    for (const text of ['role="alert"', 'value="no good"', 'value="&lt;i&gt;kept"', 'aria-invalid="true"']) expect(page).toContain(text);
    expect(answer.headers.getSetCookie().join()).toMatch(/__Host-stackpass-refused=;/);
    // Another page does not show the refused form.
    expect(await shown(reader.get("/acme/~/members"))).not.toContain('role="alert"');
  });

  it("whose address has no page is shown on the page above it", async () => {
    const { id } = await newOrgToken(world, "ci");
    const refused = await post(admin, `/acme/~/tokens/${id}/edit`, { displayName: "x".repeat(101) });
    expect(refused.headers.get("Location")).toBe(`/acme/~/tokens/${id}`);
    expect(await shown(admin.with(refused).get(`/acme/~/tokens/${id}`), 400)).toContain("a display name has at most 100 characters");
  });

  it("keeps no secret: the cookie is encrypted, and has no field that may contain one", async () => {
    const form = { do: "create", kind: "oidc", name: "okta", issuer: "not an address", clientId: "kept-id", clientSecret: "hidden-value" };
    const refused = await post(admin, "/acme/~/sso", form);
    expect(refused.status).toBe(303);
    const cookie = refused.headers.getSetCookie().find((set) => set.startsWith("__Host-stackpass-refused="))!;
    for (const flag of ["HttpOnly", "Secure", "SameSite=Strict", "Max-Age=60"]) expect(cookie).toContain(flag);
    const page = await shown(admin.with(refused).get("/acme/~/sso"), 400);
    expect(page).toContain('value="kept-id"');
    expect(page).not.toContain("hidden-value");
    const changed = newVisitor(cookie.split(";")[0]!.replace(/.{5}$/, "AAAAA"));
    await shown(changed.get("/signin"));
  });

  it("with a wrong credential is answered at once", async () => {
    const answer = await post(newVisitor(), "/signin", { token: "pul-secret-value" });
    expect(answer.status).toBe(400);
    expect(await answer.text()).not.toContain("pul-secret-value");
  });

  it("is not shown to the next person of the same browser", async () => {
    const refused = await post(admin, "/acme/~/tokens/new", { name: "no good", description: "of ada" });
    const next = await newVisitor().with(refused).post("/signin", { token: world.admin });
    expect(await shown(newVisitor().with(refused).with(next).get("/acme/~/tokens/new"))).not.toContain("of ada");
    expect(await shown(admin.with(refused).get("/acme/~/tokens/new"), 400)).toContain("of ada");
  });

  it("that is too long for a cookie is answered at once", async () => {
    const long = await post(admin, "/acme/~/tokens/new", { name: "no good", description: "d".repeat(5000) });
    expect(long.status).toBe(400);
    expect(await long.text()).toContain('data-form="/acme/~/tokens/new"');
  });
});

describe("the list of tokens", () => {
  const DAY = 86_400;
  const HERE = "/acme/~/tokens";
  const soon = () => Math.floor(Date.now() / 1000) + 3 * DAY + 3600;
  const names = (html: string) => [...html.matchAll(/<th scope="row"><a href="[^"]*">([^<]*)</g)].map(([, name]) => name);

  it("says what is near, and filters and sorts by it, with counts", async () => {
    await newOrgToken(world, "b-ends", { expires: soon() });
    await newOrgToken(world, "a-admin", { admin: true });
    const used = await newOrgToken(world, "c-used");
    await ok("GET", "/api/user", { token: used.tokenValue });
    const gone = await newOrgToken(world, "d-disabled");
    await ok("POST", `/api/orgs/acme/tokens/${gone.id}/disable`, { token: world.admin, json: {} });
    await env.DB.prepare("UPDATE access_tokens SET last_used_at = 1, created_at = 1 WHERE name = 'c-used'").run();
    const page = await shown(admin.get(HERE));
    for (const text of ["expires in 3 days", "never used", ">admin<"]) expect(page).toContain(text);
    const counts = Object.fromEntries(
      [...page.matchAll(/\?filter=(\w+)&amp;sort=created"[^>]*>[^<]*<\/a> <span class="faint">(\d+)</g)].map(([, name, count]) => [
        name,
        count,
      ]),
    );
    expect(counts).toEqual({ active: "4", soon: "1", never: "2", unused: "1", admin: "1", disabled: "1", expired: "0", all: "4" });
    for (const [query, expected] of [
      ["filter=soon", ["b-ends"]],
      ["filter=never&sort=name", ["a-admin", "b-ends"]],
      ["filter=unused", ["c-used"]],
      ["filter=admin", ["a-admin"]],
      ["filter=disabled", ["d-disabled"]],
      ["sort=name", ["a-admin", "b-ends", "c-used", "d-disabled"]],
      ["sort=created", ["d-disabled", "a-admin", "b-ends", "c-used"]],
      ["search=used&sort=name", ["c-used"]],
    ] as const)
      expect([query, names(await shown(admin.get(`${HERE}?${query}`)))]).toEqual([query, expected]);
    expect(names(await shown(admin.get(`${HERE}?sort=expires`)))[0]).toBe("b-ends");
    expect(names(await shown(admin.get(`${HERE}?sort=used`)))[0]).toBe("c-used");
    expect(names(await shown(admin.get(`${HERE}?sort=unused`))).at(-1)).toBe("c-used");
  });

  it("has pages with links both ways, and reads no more than its bound", async () => {
    const insert = (from: number, to: number) =>
      env.DB.prepare(
        `INSERT INTO access_tokens (id, kind, org_id, name, description, hash, created_at, created_by)
         SELECT 't-' || value, 'organization', (SELECT id FROM organizations WHERE name = 'acme'), 't-' || printf('%05d', value), '', 'hash-' || value,
           value, 'ada' FROM json_each(?)`,
      )
        .bind(JSON.stringify(Array.from({ length: to - from }, (_, i) => from + i)))
        .run();
    await insert(0, 250);
    const second = await shown(admin.get(`${HERE}?sort=name&page=2`));
    expect(names(second)[0]).toBe("t-00100");
    expect(second).toMatch(/page=1">Previous page.*Page 2 of 3.*page=3">Next page/s);
    const beyond = await shown(admin.get(`${HERE}?page=9`));
    expect(beyond).toContain("No tokens match");
    expect(beyond).toMatch(/page=3">Previous page/);
    await insert(250, 12_000);
    const rowsRead = countRowsRead();
    expect(await shown(admin.get(HERE))).toContain('Active</a> <span class="faint">10000<');
    expect(rowsRead()).toBeLessThan(60_000);
  });

  it("offers a new token like another one, with its role and limits and never its value", async () => {
    const { id, tokenValue } = await newOrgToken(world, "ci", {
      description: "deploys <i>",
      stacks: [{ project: "web", stack: "*", access: "read" }],
      ipAllowList: ["203.0.113.0/24"],
      expires: Math.floor(Date.now() / 1000) + 30 * DAY,
    });
    expect(await shown(admin.get(`${HERE}/${id}`))).toContain(`href="${HERE}/new?like=${id}"`);
    const page = await shown(admin.get(`${HERE}/new?like=${id}`));
    for (const text of ['value="deploys &lt;i&gt;"', 'value="web/*:read"', 'value="203.0.113.0/24"', 'value="30" checked'])
      expect(page).toContain(text);
    expect(page).not.toContain(tokenValue);
    expect(page).not.toContain('value="ci"');
    await shown(admin.get(`${HERE}/new?like=nothing`), 404);
  });

  it("shows on a token's page which stacks it changed", async () => {
    const ci = await newOrgToken(world, "ci");
    await newStack(ci.tokenValue);
    const update = await startUpdate(ci.tokenValue);
    await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
    const page = await shown(admin.get(`${HERE}/${ci.id}`));
    expect(page).toContain('<a href="/acme/web/dev">web/dev</a>');
    expect(page).toContain(`tokenFilter=${ci.id}&amp;stackFilter=web%2Fdev`);
  });
});
