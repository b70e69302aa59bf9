import { exports } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { ok } from "../support/client.ts";
import { type World, newStack, newWorld } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

const origin = "https://stackpass.test";

/** Signs in as a browser does. @returns the cookie */
async function signIn(token: string): Promise<string> {
  const answer = await exports.default.fetch(`${origin}/signin`, {
    method: "POST",
    redirect: "manual",
    headers: { "Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin" },
    body: new URLSearchParams({ token }).toString(),
  });
  expect(answer.status, await answer.text()).toBe(303);
  return answer.headers.get("Set-Cookie")!.split(";")[0]!;
}

interface Page {
  status: number;
  html: string;
  headers: Headers;
}

async function page(cookie: string, path: string, form?: Record<string, string>): Promise<Page> {
  const answer = await exports.default.fetch(origin + path, {
    redirect: "manual",
    ...(form && { method: "POST", body: new URLSearchParams(form).toString() }),
    headers: {
      Cookie: cookie,
      Accept: "text/html",
      ...(form && { "Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin" }),
    },
  });
  const html = await answer.text();
  expect(answer.status, html).toBeLessThan(500);
  if (answer.status === 200) expectHarmless(html);
  return { status: answer.status, html, headers: answer.headers };
}

/** Whatever was put in: no element and no link of ours comes from it. */
function expectHarmless(html: string): void {
  expect(html).not.toMatch(/<img|<iframe|<b>|\bon\w+=/i);
  expect(html.match(/<script/g)).toHaveLength(1);
  for (const [, href] of html.matchAll(/(?:href|action|src)="([^"]*)"/g)) expect(href).toMatch(/^[/#](?!\/)|^$/);
}

describe("the list of stacks", () => {
  it("says what to do while there is none, and nothing to who is not in the organization", async () => {
    const cookie = await signIn(world.member);
    expect((await page(cookie, "/acme")).html).toContain("pulumi stack init acme/PROJECT/STACK");
    expect((await page(cookie, "/acme/web")).status).toBe(404);
    expect((await page(cookie, "/globex")).status).toBe(404);
    expect((await page(cookie, "/acme/~")).status).toBe(404);
    expect((await page(await signIn(world.billing), "/acme")).status).toBe(403);
    const signedOut = await page("", "/acme/web");
    expect([signedOut.status, signedOut.headers.get("Location")]).toEqual([303, "/signin?next=%2Facme%2Fweb"]);
  });

  it("is by project, and is searched by name and by tag", async () => {
    for (const [project, stack] of [
      ["web", "dev"],
      ["web", "production"],
      ["data", "dev"],
    ] as const)
      await newStack(world.member, project, stack);
    await ok("PATCH", "/api/stacks/acme/data/dev/tags", { token: world.member, json: { "cost:centre": "a=<b>" } });
    const cookie = await signIn(world.member);
    const stacks = async (path: string) =>
      [...(await page(cookie, path)).html.matchAll(/<th scope="row"><a href="([^"]*)"/g)].map(([, href]) => href);
    expect(await stacks("/acme")).toEqual(["/acme/data/dev", "/acme/web/dev", "/acme/web/production"]);
    expect(await stacks("/acme/web")).toEqual(["/acme/web/dev", "/acme/web/production"]);
    expect(await stacks("/acme?search=PROD")).toEqual(["/acme/web/production"]);
    expect(await stacks("/acme?search=b/d")).toEqual(["/acme/web/dev"]);
    expect(await stacks("/acme?tag=cost:centre")).toEqual(["/acme/data/dev"]);
    expect(await stacks(`/acme?tag=${encodeURIComponent("cost:centre=a=<b>")}`)).toEqual(["/acme/data/dev"]);
    expect(await stacks("/acme?tag=cost:centre%3Dx")).toEqual([]);
    expect((await page(cookie, `/acme?search=${"x".repeat(101)}`)).status).toBe(400);
    expect((await page(cookie, '/acme?search="><script>alert(1)</script>')).html).toContain("No stack fits");
  });

  it("is no larger than 100 KB with 100 rows, and goes on", async () => {
    for (let i = 0; i < 102; i++) await newStack(world.member, "a-project-with-a-rather-long-name", `stack-${i + 100}`);
    const cookie = await signIn(world.member);
    const { html } = await page(cookie, "/acme");
    expect(html.length).toBeLessThan(100_000);
    expect(html.match(/<th scope="row">/g)).toHaveLength(100);
    const next = /href="([^"]*)">Next page/.exec(html)![1]!;
    expect((await page(cookie, next.replaceAll("&amp;", "&"))).html.match(/<th scope="row">/g)).toHaveLength(2);
  });

  it("leaves to the API what is the API's", async () => {
    const answer = await exports.default.fetch(`${origin}/api/nothing`, { headers: { Accept: "text/html" } });
    expect([answer.status, await answer.json()]).toMatchObject([404, { code: 404 }]);
  });
});
