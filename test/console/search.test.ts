import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { type Visitor, shown, signIn } from "../support/browser.ts";
import { ok } from "../support/client.ts";
import { countRowsRead } from "../support/rows.ts";
import { type World, newOrgToken, newStack, newWorld } from "../support/world.ts";

let world: World;
let admin: Visitor;
beforeEach(async () => {
  world = await newWorld();
  admin = await signIn(world.admin);
});

const searchFor = (text: string) => `/acme/~/search?q=${encodeURIComponent(text)}`;

/** Titles of the groups with their counts, and the links of the results. */
async function found(text: string, visitor = admin) {
  const html = await shown(visitor.get(searchFor(text)));
  const main = html.slice(html.indexOf("<main"), html.indexOf("<footer"));
  const groups = [...main.matchAll(/<h2>(.*?)<\/h2>/gs)].map(([, title]) => title!.replaceAll(/<[^>]*>/g, "").trim());
  const links = [...main.matchAll(/href="([^"]*)"/g)].map(([, href]) => href!.replaceAll("&amp;", "&"));
  return { html, groups, links };
}

it("finds stacks, projects, tokens and people by a part of their names, in any case", async () => {
  for (const [project, stack] of [
    ["shop", "dev"],
    ["shop", "production"],
    ["data", "dev"],
  ] as const)
    await newStack(world.member, project, stack);
  const { id } = await newOrgToken(world, "shop-jenkins");
  expect(await found("SHOP")).toMatchObject({
    groups: ["Stacks 2", "Projects 1", "Access tokens 1", "Resources"],
    links: [
      "/acme/shop/dev",
      "/acme/shop/production",
      "/acme/shop",
      `/acme/~/tokens/${id}`,
      "/acme/shop/dev/resources?filter=SHOP",
      "/acme/shop/production/resources?filter=SHOP",
    ],
  });
  expect((await found("p/d")).links[0]).toBe("/acme/shop/dev");
  expect(await found("mel")).toMatchObject({ groups: ["People 1"], links: ["/acme/~/members/mel/role"] });
  expect((await found("nothing-is-called-so")).html).toContain("Nothing has this in its name");
  expect((await found("")).html).toContain("A part of the name");
});

it("a whole URN leads to its resource, if the reader may know the stack", async () => {
  await newStack(world.member, "shop", "dev");
  const urn = "urn:pulumi:dev::shop::aws:s3/bucket:Bucket::assets<b>";
  expect(await found(urn)).toMatchObject({
    groups: ["Resources"],
    links: [`/acme/shop/dev/resource?urn=${encodeURIComponent(urn)}`, "/acme/shop/dev"],
  });
  for (const none of ["urn:pulumi:dev::other::a:b:C::d", "urn:", "urn:pulumi:dev::shop", "urn:pulumi:a/b::c::d::e"])
    expect((await found(none)).links, none).toEqual([]);
  expect((await found(urn, await signIn(world.billing))).links).toEqual([]);
});

it("offers the stacks that were updated last when no stack matches", async () => {
  await newStack(world.member, "shop", "dev");
  await ok("POST", "/api/stacks/acme/shop/dev/import", { token: world.member, json: { version: 3, deployment: {} } });
  expect(await found("s3/bucket")).toMatchObject({ groups: ["Resources"], links: ["/acme/shop/dev/resources?filter=s3%2Fbucket"] });
});

it("shows each group only to those who may see it, and names no stack that the reader may not know", async () => {
  for (const project of ["match-open", "match-closed"]) await newStack(world.admin, project, "dev");
  await newOrgToken(world, "match-token");
  expect((await found("match")).groups).toEqual(["Stacks 2", "Projects 2", "Access tokens 1", "Resources"]);
  expect((await found("match", await signIn(world.billing))).groups).toEqual([]);
  const member = await signIn(world.member);
  expect((await found("match", member)).groups).toEqual(["Stacks 2", "Projects 2", "Resources"]);
  expect((await found("mel", member)).links).toEqual(["/acme/~/members"]);
  await env.DB.prepare(
    "UPDATE organizations SET default_stack_permission = 0, settings_version = settings_version + 1 WHERE name = 'acme'",
  ).run();
  await env.DB.prepare(
    `INSERT INTO stack_grants (stack_id, grantee_kind, grantee_id, permission, created_at)
     SELECT stacks.id, 'user', users.id, 101, 0 FROM stacks, users WHERE login = 'mel' AND project = 'match-open'`,
  ).run();
  const { html, links } = await found("match", await signIn(world.member));
  expect(links).toEqual(["/acme/match-open/dev", "/acme/match-open", "/acme/match-open/dev/resources?filter=match"]);
  expect(html).not.toContain("closed");
  expect((await found("urn:pulumi:dev::match-closed::a:b:C::d", await signIn(world.member))).links).toEqual([]);
  expect((await (await signIn(world.stranger)).get(searchFor("match"))).status).toBe(404);
});

it.each([
  '"><script>alert(1)</script>',
  "%",
  "_",
  "*",
  "' OR 1=1 --",
  "\u0000",
  "\u202e",
  "x".repeat(9000),
  "urn:" + "x".repeat(9000),
  "😀",
])("takes any text: %j", async (text) => {
  const events = await eventsOf(async () => {
    const { html, links } = await found(text);
    expect(html).not.toContain("<script>alert");
    expect(links.filter((href) => !href.startsWith("/acme/"))).toEqual([]);
    expect(html.length).toBeLessThan(50_000);
  });
  expect(events).toEqual([]);
});

it("counts to a hundred, has a bound on the rows that it reads, and a page of at most 100 KB", async () => {
  const numbers = JSON.stringify(Array.from({ length: 5000 }, (_, i) => i));
  const orgId = (await env.DB.prepare("SELECT id FROM organizations WHERE name = 'acme'").first<string>("id"))!;
  const fill = (sql: string) => env.DB.prepare(sql).bind(numbers, orgId, `<&"'`.repeat(60)).run();
  await fill(
    "INSERT INTO stacks (id, org_id, project, name, created_at) SELECT 's' || value, ?2, 'project-' || value, 'x-' || substr(?3, 1, 20), 0 FROM json_each(?1)",
  );
  await fill(
    `INSERT INTO access_tokens (id, kind, org_id, name, description, hash, created_at, created_by)
     SELECT 't' || value, 'organization', ?2, 'x-' || value, ?3, 'hash-' || value, 1, 'ada' FROM json_each(?1)`,
  );
  await fill("INSERT INTO users (id, login, name, created_at) SELECT 'p' || value, 'x-' || value, ?3, 1 FROM json_each(?1) WHERE ?2 <> ''");
  await fill(
    "INSERT INTO members (org_id, user_id, role, created_at) SELECT ?2, 'p' || value, 'member', 1 FROM json_each(?1) WHERE ?3 <> ''",
  );
  const { groups, links, html } = await found("x-");
  expect(groups).toEqual(["Stacks 100+", "Access tokens 100+", "People 100+", "Resources"]);
  expect(links).toContain("/acme/~/stacks?search=x-");
  expect(new TextEncoder().encode(html).length).toBeLessThan(100_000);
  const rowsRead = countRowsRead();
  await found("nothing-is-called-so");
  // The search reads each stack twice, each token once, and each member with its person; a subquery counts its rows again.
  expect(rowsRead()).toBeLessThan(2 * (2 * 5000 + 5000 + 2 * 5000) + 100);
});
