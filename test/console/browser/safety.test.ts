import { expect, inject, it } from "vitest";
import { cast, createToken, newContext, signedIn, tokens } from "./support/browser.ts";
import { pagesOf, tell } from "./support/story.ts";

const markup = `"><img src=x onerror="window.ran=1"><script>window.ran=1</script>`;
const ran = "window.ran";
const post = (path: string, form: Record<string, string>, headers: Record<string, string>) =>
  fetch(inject("url") + path, { method: "POST", redirect: "manual", body: new URLSearchParams(form), headers });

it("text that people wrote is shown as text: nothing in it runs", async () => {
  const context = await newContext();
  const page = await signedIn(context);
  await page.goto(`${tokens}/new`);
  await page.fill("#name", markup.slice(0, 40));
  await page.fill("#description", markup);
  await page.evaluate(() => document.querySelector("main form")!.setAttribute("novalidate", ""));
  await page.click("main form button");
  expect(await page.locator(".wrong").first().textContent()).not.toBe("");
  expect(await page.inputValue("#description")).toBe(markup);
  expect(await page.evaluate(ran)).toBeUndefined();
  const { id } = await createToken(page, "injection", markup);
  const addresses = [
    tokens,
    `${tokens}/${id}`,
    `${tokens}/${id}/delete`,
    "/acme/~/audit",
    `/acme/~/audit?userFilter=${encodeURIComponent(markup)}`,
    `/acme/~/audit?textFilter=${encodeURIComponent(markup)}`,
    `/cli-login?cliSessionPort=1234&cliSessionNonce=abc&cliSessionDescription=${encodeURIComponent(markup)}`,
    `/signin?next=${encodeURIComponent(markup)}`,
    `/${encodeURIComponent(markup)}`,
  ];
  for (const address of addresses) {
    await page.goto(address);
    expect(await page.evaluate(ran), address).toBeUndefined();
    expect(await page.locator("main img, main script").count(), address).toBe(0);
  }
  await context.close();
});

it("whatever people, programs and machines say stays text on every page", { timeout: 300_000 }, async () => {
  // The text is short enough for every field. It breaks out of text, of an attribute, and of a script or style.
  const hostile = (plain: string) => `${plain}'"></script></style><img/src=x/onerror=alert(1)><svg/onload=alert(2)>`;
  const story = await tell(cast(), "hostile", hostile);
  const context = await newContext();
  const alarms: string[] = [];
  context.on("page", (page) => {
    page.on("dialog", (dialog) => {
      alarms.push(`${page.url()}: dialog ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("pageerror", (error) => alarms.push(`${page.url()}: ${error.message}`));
    // The console shows what the content security policy has blocked; each block counts as a breach as well.
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") alarms.push(`${page.url()}: ${message.text()}`);
    });
  });
  await context.addInitScript(() =>
    document.addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective}`)),
  );
  const page = await signedIn(context);
  let seen = 0;
  const look = async (what: string) => {
    expect(await page.locator("main img, main script, main style, main iframe, main [onload], main [onerror]").count(), what).toBe(0);
    expect(await page.locator('a[href^="javascript" i], a[href^="data" i]').count(), what).toBe(0);
    if ((await page.textContent("main"))!.includes("onerror=alert(1)")) seen++;
  };
  for (const path of pagesOf(story)) {
    const answer = await page.goto(path);
    expect(answer!.status(), path).toBe(200);
    await look(path);
  }
  // The page of a running update inserts new parts by script.
  await page.goto(`/acme/${story.project}/dev/updates/3`);
  await page.waitForResponse((answer) => answer.url().endsWith("/updates/3"));
  await page.waitForTimeout(200);
  await look("the live part");
  await page.goto(`/acme/${story.project}/dev/outputs`);
  await page.getByRole("button", { name: "Reveal" }).click();
  await page.waitForURL(/reveal$/);
  await look("a revealed secret");
  for (const [place, name] of [
    ["/acme/~/stacks", "search"],
    ["/acme/~/stacks", "tag"],
    ["/acme/~/tokens", "search"],
    ["/acme/~/audit", "textFilter"],
    ["/acme/~/audit", "sourceIPFilter"],
    ["/signin", "next"],
    ["/cli-login?cliSessionPort=1&cliSessionNonce=a", "cliSessionDescription"],
    ["/cli-login?cliSessionPort=1&cliSessionNonce=a", "cliCommand"],
  ] as const) {
    await page.goto(`${place}${place.includes("?") ? "&" : "?"}${name}=${encodeURIComponent(hostile("x"))}`);
    await look(`${place} ${name}`);
  }
  expect(alarms).toEqual([]);
  // The texts must be visible somewhere, or the test would show nothing: stacks, outputs, updates, previews, tags, tokens, invitations,
  // roles, teams and identity providers show them.
  expect(seen).toBeGreaterThan(42);
  await context.close();
});

it.each(["//evil.example", "/\\evil.example", "https://evil.example", "\\\\evil.example", "/\t/evil.example", "javascript:alert(1)"])(
  "signing in leads to no other site: %j",
  async (next) => {
    const token = inject("people")["acme"]!["admin"]!;
    const answer = await post("/signin", { token, next }, { "Sec-Fetch-Site": "same-origin", Origin: inject("url") });
    expect(answer.status).toBe(303);
    expect(new URL(answer.headers.get("Location")!, inject("url")).origin).toBe(inject("url"));
  },
);

it("the CLI's login leads to a port of this machine, and to nothing else", async () => {
  const context = await newContext();
  const page = await signedIn(context);
  const bad = ["80@evil.example", "evil.example", "-1", "0", "65536", "1.5", "", "80/../..", "80%0d%0a"];
  for (const port of bad) {
    const answer = await page.goto(`/cli-login?cliSessionPort=${port}&cliSessionNonce=abc`);
    expect(answer!.status(), port).toBe(400);
  }
  const cookies = (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
  const own = { Cookie: cookies, "Sec-Fetch-Site": "same-origin", Origin: inject("url") };
  const good = await post("/cli-login", { cliSessionPort: "4711", cliSessionNonce: "abc" }, own);
  expect(new URL(good.headers.get("Location")!).origin).toBe("http://localhost:4711");
  const foreign = await post("/cli-login", { cliSessionPort: "4711@evil.example", cliSessionNonce: "abc" }, own);
  expect(foreign.status).toBe(400);
  await context.close();
});

it("a form that another site sends is refused", async () => {
  const context = await newContext();
  await signedIn(context);
  const Cookie = (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
  const form = { name: "forged", roleID: "admin", expiry: "90" };
  const forgeries: Record<string, string>[] = [
    { Origin: "https://evil.example" },
    { Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" },
    { Origin: "https://evil.example", "Sec-Fetch-Site": "same-origin" },
    { Origin: "null", "Sec-Fetch-Site": "cross-site" },
    { "Sec-Fetch-Site": "same-site" },
    {},
  ];
  for (const headers of forgeries) {
    const answer = await post(`${tokens}/new`, form, { Cookie, ...headers });
    expect(answer.status, JSON.stringify(headers)).toBe(403);
  }
  await context.close();
});

it("a session is a cookie with all its flags, no API token, and ends with signing out", async () => {
  const context = await newContext();
  const page = await signedIn(context);
  const [cookie] = await context.cookies();
  expect(cookie).toMatchObject({ httpOnly: true, secure: true, sameSite: "Lax", path: "/", domain: "localhost" });
  expect(cookie!.name).toMatch(/^__Host-/);
  expect(await page.evaluate("document.cookie")).toBe("");
  const asToken = await fetch(`${inject("url")}/api/user`, { headers: { Authorization: `token ${cookie!.value}` } });
  expect(asToken.status).toBe(401);

  const withCookie = () => fetch(inject("url") + tokens, { redirect: "manual", headers: { Cookie: `${cookie!.name}=${cookie!.value}` } });
  expect((await withCookie()).status).toBe(200);
  await page.click("text=Sign out");
  await page.waitForURL(/\/signin/);
  expect((await withCookie()).status).toBe(303);
  await page.goto(tokens);
  expect(new URL(page.url()).pathname).toBe("/signin");
  await context.close();
});

it("a machine's token cannot sign in", async () => {
  const context = await newContext();
  const page = await signedIn(context);
  const { value } = await createToken(page, "machine");
  const answer = await post("/signin", { token: value }, { "Sec-Fetch-Site": "same-origin", Origin: inject("url") });
  expect(answer.status).toBe(400);
  expect(answer.headers.getSetCookie().filter((set) => set.startsWith("__Host-stackpass="))).toEqual([]);
  expect(await answer.text()).not.toContain(value);
  await context.close();
});

it("another organization's pages are not there", async () => {
  const context = await newContext();
  const page = await signedIn(context, inject("people")["globex"]!["admin"]);
  for (const path of ["/acme", tokens, `${tokens}/new`, "/acme/~/audit", "/acme/~/audit/1", "/acme/~/audit/verify"]) {
    const answer = await page.goto(path);
    expect(answer!.status(), path).toBe(404);
  }
  await context.close();
});
