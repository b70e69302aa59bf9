import { expect, inject, it } from "vitest";
import { createToken, newContext, signedIn, tokens } from "./support/browser.ts";

const markup = `"><img src=x onerror="window.ran=1"><script>window.ran=1</script>`;
const ran = "window.ran";
const post = (path: string, form: Record<string, string>, headers: Record<string, string>) =>
  fetch(inject("url") + path, { method: "POST", redirect: "manual", body: new URLSearchParams(form), headers });

it("text of people is text: nothing in it runs", async () => {
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

it.each(["//evil.example", "/\\evil.example", "https://evil.example", "\\\\evil.example", "/\t/evil.example", "javascript:alert(1)"])(
  "signing in leads nowhere else: %j",
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

it("a machine's token signs nobody in", async () => {
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
