import { beforeEach, describe, expect, it } from "vitest";
import { type Visitor, newVisitor, shown, signIn } from "../support/browser.ts";
import { ok } from "../support/client.ts";
import { deploymentOf, rootStack } from "../support/deployment.ts";
import { type World, newStack, newWorld } from "../support/world.ts";

let world: World;
let admin: Visitor;
beforeEach(async () => {
  world = await newWorld();
  admin = await signIn(world.admin);
  await newStack(world.member);
});

describe("a link that somebody made by hand", () => {
  it.each(["filter=none", `search=${"x".repeat(101)}`, "sort=none"])(
    "asks the list of tokens for %.30s, and is told what is wrong",
    async (query) => {
      expect(await shown(admin.get(`/acme/~/tokens?${query}`), 400)).toContain("That did not work");
    },
  );

  it.each([
    ["format=xlsx", "format"],
    ["format=csv&startTime=soon&userFilter=ada", "startTime"],
    ["until=never&refusalsOnly=perhaps", "endTime, refusalsOnly"],
  ])("asks the audit log for the export %s, and is told what is wrong: %s", async (query, fields) => {
    expect(await shown(admin.get(`/acme/~/audit/export?${query}`), 400)).toContain(`the link has invalid parameters: ${fields}<`);
  });

  it("names a parameter twice, or asks for a dry run of a form, and nothing is done", async () => {
    const twice = await shown(admin.get("/acme/web/dev/access?permission=stack:read&permission=stack:write"), 400);
    expect(twice).toContain("the link names the parameter permission more than once");
    const form = { role: "admin" };
    for (const query of ["dryRun=true", "dryRun=false", "dry_run=true"])
      expect(await shown(admin.post(`/acme/~/members/mel/role?${query}`, form), 400)).toContain("A form has no dry run in its address");
    expect(await shown(admin.get("/acme/~/members"))).toContain("mel");
  });

  it("asks the list of personal tokens for a page that does not exist", async () => {
    await shown(admin.get("/user/settings/tokens?continuationToken=W10"), 400);
  });
});

describe("a state with names that no URL can have", () => {
  it.each(["\ud800", "urn:pulumi:dev::web::my:index:Thing::\udc00x", "a\u0000b", "%zz", "..", "?#&=<"])("is shown: %j", async (urn) => {
    const thing = { urn, type: urn, custom: true, id: urn, parent: urn, provider: urn, dependencies: [urn], outputs: { [urn]: urn } };
    const body = JSON.stringify(deploymentOf([{ ...rootStack, outputs: { [urn]: urn } }, thing] as never));
    await ok("POST", "/api/stacks/acme/web/dev/import", { token: world.member, body });
    const pages = ["", "/outputs", "/resources", "/resources?view=tree", "/state?version=1"].map((page) => `/acme/web/dev${page}`);
    const asked = encodeURIComponent(urn.toWellFormed());
    pages.push(`/acme/web/dev/resources?filter=${asked}`, `/acme/~/search?q=${asked}`, `/acme/~/search?search=${asked}`);
    for (const page of pages) await shown(admin.get(page));
    for (const page of [`resource?urn=${asked}`, `resource/history?urn=${asked}`])
      expect((await admin.get(`/acme/web/dev/${page}`)).status).toBeLessThan(500);
  });
});

it("is not opened after the sign-in when it is too long for a header", async () => {
  const { status, headers } = await newVisitor().get(`/acme?search=${"%C3%A9".repeat(2000)}`);
  expect([status, headers.get("Location")]).toEqual([303, "/signin"]);
  expect((await newVisitor().get("/acme?search=x")).headers.get("Location")).toBe("/signin?next=%2Facme%3Fsearch%3Dx");
});
