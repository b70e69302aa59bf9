import { exports } from "cloudflare:workers";
import { expect, it } from "vitest";
import { routes } from "../../src/app/routes.ts";
import { addPeople, goodCall } from "../support/goodCall.ts";
import { newWorld } from "../support/world.ts";

/** @returns what is wrong with an answer without a body: its type is one that a proxy would compress, or a header marks it as gzip */
async function fault(method: string, path: string, headers: Record<string, string> = {}, body?: string): Promise<string | undefined> {
  const init = { method, headers, redirect: "manual" as const, ...(body !== undefined && { body }) };
  const response = await exports.default.fetch(`https://stackpass.test${path}`, init);
  const text = await response.text();
  const [type, encoding] = [response.headers.get("Content-Type"), response.headers.get("Content-Encoding")];
  if (text !== "" || (type === "application/octet-stream" && encoding === null)) return undefined;
  return `${method} ${path} answers ${response.status} without a body as ${type}, ${encoding}`;
}

it("no route answers without a body under a type that a proxy compresses, HEAD and refusals included", async () => {
  const world = await newWorld();
  await addPeople();
  const faults: (string | undefined)[] = [];
  for (const { definition } of routes) {
    const { method, permission } = definition;
    const good = await goodCall(world, definition);
    const schemes = { lease: `update-token ${good.lease}`, operator: "Bearer the-operator-of-these-tests-and-nobody-else" };
    const own = permission === "lease" || permission === "operator" ? schemes[permission] : `token ${world.admin}`;
    const body = good.json === undefined ? undefined : JSON.stringify(good.json);
    const known = { "Content-Type": "application/json", Authorization: own };
    faults.push(await fault(method, good.path, { ...good.headers, ...known }, body));
    faults.push(await fault(method, good.path, {}, body));
    if (method !== "GET") continue;
    faults.push(await fault("HEAD", good.path, known));
    faults.push(await fault("HEAD", good.path));
  }
  expect(faults.filter(Boolean)).toEqual([]);
}, 600_000);

it.each([
  ["HEAD", "/api/nosuch"],
  ["HEAD", "/nosuch"],
  ["HEAD", "/signin"],
  ["OPTIONS", "/api/user"],
  ["PROPFIND", "/api/user"],
  ["GET", "/acme"],
  ["HEAD", "/acme"],
])("the same is true for %s %s, which belongs to a page or to nothing", async (method, path) => {
  expect(await fault(method, path)).toBeUndefined();
  expect(await fault(method, path, { Accept: "text/html" })).toBeUndefined();
});
