import { exports } from "cloudflare:workers";
import { expect, it } from "vitest";
import { newVisitor } from "../support/browser.ts";
import { refused } from "../support/client.ts";

it("greets a program at the root, and brings a browser to the console", async () => {
  const answer = await exports.default.fetch("https://stackpass.test/");
  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual({
    name: "Stackpass",
    docs: "https://stackpass.test/api/openapi/pulumi-spec.json",
    console: "https://stackpass.test",
    api: "https://stackpass.test/api",
  });
  expect((await newVisitor().get("/")).headers.get("Location")).toBe("/signin?next=%2F");
  expect(await refused(404, "POST", "/")).toBe("Not Found: 'POST /' not found");
});

it("names the cause when PULUMI_BACKEND_URL has a path", async () => {
  const hint = "PULUMI_BACKEND_URL must be the origin only, without a path";
  for (const path of ["/api/api/user", "/api/api/capabilities", "/acme/api/user", "/a/b/api/cli/version"])
    expect(await refused(404, "GET", path), path).toContain(hint);
  for (const path of ["/api/nothing", "/acme/api", "/acme/api/dev"]) expect(await refused(404, "GET", path), path).not.toContain(hint);
});
