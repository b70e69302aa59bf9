import * as fc from "fast-check";
import { beforeEach, describe, expect, inject, it } from "vitest";
import { routes } from "../../src/app/routes.ts";
import { eventsOf } from "../support/audit.ts";
import { shown, signIn } from "../support/browser.ts";
import { call, ok, refused } from "../support/client.ts";
import { component, creates, deploymentOf, rootStack } from "../support/deployment.ts";
import { type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

/**
 * A stack is found by its project's and its own name in upper or lower case, and answers have the names as they were first written (B4).
 */
let world: World;
let token: string;
beforeEach(async () => {
  world = await newWorld();
  token = world.member;
  await newStack(token, "Web", "Dev");
});

const WRITTEN_PATH = "/api/stacks/acme/Web/Dev";
const other = "/api/stacks/acme/wEB/dEV";
interface Named {
  projectName: string;
  stackName: string;
}

describe("a stack whose path is in another case", () => {
  it("is answered with its names as they are written", async () => {
    for (const path of [WRITTEN_PATH, other, "/api/stacks/acme/web/dev", "/api/stacks/acme/WEB/DEV"]) {
      expect(await ok<Named>("GET", path, { token })).toMatchObject({ projectName: "Web", stackName: "Dev" });
      expect(await ok<Named>("GET", `${path}/metadata`, { token })).toMatchObject({ projectName: "Web", stackName: "Dev" });
    }
    expect((await call("HEAD", "/api/stacks/acme/web", { token })).status).toBe(200);
    for (const project of ["Web", "web", "WEB"]) {
      const { stacks } = await ok<{ stacks: Named[] }>("GET", `/api/user/stacks?organization=acme&project=${project}`, { token });
      expect(stacks).toMatchObject([{ projectName: "Web", stackName: "Dev" }]);
    }
  });

  it("is the same for every operation: each finds as much as under the exact names", { timeout: 60_000 }, async () => {
    const ofStacks = routes.filter(({ definition: d }) => d.path.includes("{stackName}") && d.permission !== "lease");
    expect(ofStacks.length).toBeGreaterThan(50);
    for (const { definition: d } of ofStacks) {
      const at = (projectName: string, stackName: string) =>
        d.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => ({ orgName: "acme", projectName, stackName, version: "1" })[name] ?? "none");
      const send = (path: string) => call(d.method, path, { token: world.admin, ...(d.method !== "GET" && { json: {} }) });
      const answers = [];
      for (const path of [at("Web", "Dev"), at("wEB", "dEV")]) {
        const made = await call("GET", WRITTEN_PATH, { token });
        if (!made.ok) await newStack(token, "Web", "Dev");
        const answer = await send(path);
        const { message } = answer.ok || d.method === "HEAD" ? { message: "" } : await answer.json<{ message: string }>();
        answers.push([answer.status, message]);
      }
      expect(answers[1], d.operationId).toEqual(answers[0]);
    }
  });

  it("is recorded in the audit log and the history under its names as they are written", async () => {
    const events = await eventsOf(async () => {
      await ok("POST", `${other}/import`, { token, json: deploymentOf([rootStack]) });
      await ok("PATCH", `${other}/tags`, { token, json: { a: "b" } });
      await ok("GET", `${other}/export`, { token });
      const { ciphertext } = await ok<{ ciphertext: string }>("POST", `${other}/encrypt`, { token, json: { plaintext: "aGk=" } });
      await ok("POST", `${other}/decrypt`, { token, json: { ciphertext } });
      const update = await startUpdate(token, { stack: "wEB/dEV" });
      await ok("PATCH", `${update.path}/journalentries`, { lease: update.lease, json: { entries: creates(component("a")) } });
      await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
      const second = await startUpdate(token, { stack: "WEB/dev" });
      await ok("POST", `/api/stacks/acme/web/DEV/update/${second.id}/cancel`, { token });
      await ok("POST", `${other}/rename`, { token, json: { newName: "Prod" } });
      await ok("DELETE", "/api/stacks/acme/web/prod?force=true", { token });
    });
    expect(events.length).toBeGreaterThanOrEqual(10);
    for (const { stack, description, event } of events) {
      const name = event === "stack-deleted" ? "Web/Prod" : "Web/Dev";
      expect([stack, description.includes(`acme/${name}`)], description).toEqual([name, true]);
      expect(description).not.toMatch(/wEB|WEB|dEV|DEV/);
    }
  });

  it("is the same for limited tokens, which learn of no other stack", async () => {
    await newStack(token, "Web", "Hidden");
    const { tokenValue } = await newOrgToken(world, "ci", { stacks: [{ project: "web", stack: "dev", access: "read" }] });
    expect(await ok("GET", other, { token: tokenValue })).toMatchObject({ stackName: "Dev" });
    expect(await refused(404, "GET", "/api/stacks/acme/web/HIDDEN", { token: tokenValue })).toBe(
      "Not Found: Stack 'acme/web/HIDDEN' not found",
    );
    await refused(403, "DELETE", other, { token: tokenValue });
    await refused(404, "GET", other, { token: world.stranger });
    await ok("POST", "/api/stacks/globex/web", { token: world.stranger, json: { stackName: "dev" } });
    await refused(404, "GET", "/api/stacks/globex/WEB/DEV", { token });
  });

  it("is the same stack for an update: one of two starts in two spellings wins", async () => {
    const ids = await Promise.all(
      [WRITTEN_PATH, other].map(async (path) => (await ok<{ updateID: string }>("POST", `${path}/update`, { token, json: {} })).updateID),
    );
    const starts = await Promise.all(
      [`${WRITTEN_PATH}/update/${ids[0]}`, `${other}/update/${ids[1]}`].map((path) => call("POST", path, { token, json: {} })),
    );
    expect(starts.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 409]);
  });

  it("is renamed to the same name in another case, and not to its own", async () => {
    expect(await refused(400, "POST", `${other}/rename`, { token, json: { newName: "Dev" } })).toBe("No rename to apply.");
    await ok("POST", `${other}/rename`, { token, json: { newName: "dev" } });
    expect(await ok("GET", WRITTEN_PATH, { token })).toMatchObject({ projectName: "Web", stackName: "dev" });
    await refused(409, "POST", "/api/stacks/acme/WEB", { token, json: { stackName: "DEV" } });
  });

  it("comes back from the deleted stacks by its name in any case, as it was written", async () => {
    const { id } = await ok<{ id: string }>("GET", WRITTEN_PATH, { token });
    await ok("DELETE", other, { token });
    await refused(404, "GET", WRITTEN_PATH, { token });
    await refused(400, "POST", `/api/orgs/acme/restore-stack/${id}`, { token: world.admin, json: { stackName: "Prod" } });
    await ok("POST", `/api/orgs/acme/restore-stack/${id}`, { token: world.admin, json: { stackName: "dEV" } });
    expect(await ok("GET", other, { token })).toMatchObject({ id, stackName: "Dev" });
  });

  it("has a page in the console, with its names as they are written", async () => {
    const browser = await signIn(token);
    for (const part of ["", "/compare", "/outputs", "/resources", "/access", "/settings/options"]) {
      const page = await shown(browser.get(`/acme/wEB/dEV${part}`));
      expect(page, part).toContain("Web/Dev");
      // The footer is left out, because it has a form that leads back to this address.
      expect(page.split("<footer")[0], part).not.toContain("dEV");
    }
    expect(await shown(browser.get("/acme/wEB"))).toContain("/acme/Web/Dev");
  });
});

it("names of any letters are found in any case", async () => {
  const name = fc
    .string({ unit: fc.constantFrom("a", "B", "c", "D", "-", ".", "_", "9"), minLength: 2, maxLength: 8 })
    .filter((n) => n !== "..");
  const flipped = (text: string, flips: boolean[]) =>
    [...text].map((c, i) => (flips[i] ? (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase()) : c)).join("");
  await fc.assert(
    fc.asyncProperty(name, name, fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }), async (project, stack, flips) => {
      const made = await call("POST", `/api/stacks/acme/${project}`, { token, json: { stackName: stack } });
      if (made.status === 409) return;
      const found = await ok<Named>("GET", `/api/stacks/acme/${flipped(project, flips)}/${flipped(stack, flips)}`, { token });
      expect([found.projectName, found.stackName]).toEqual([project, stack]);
      expect(
        (await call("POST", `/api/stacks/acme/${flipped(project, flips)}`, { token, json: { stackName: flipped(stack, flips) } })).status,
      ).toBe(409);
    }),
    { numRuns: 30 * inject("sizes").runs },
  );
});
