import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { DEAD_LETTERS } from "../../src/audit/deadLetters.ts";
import { ok, refused } from "../support/client.ts";
import { component, creates, deploymentOf, rootStack } from "../support/deployment.ts";
import { type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
let token: string;
beforeEach(async () => {
  world = await newWorld();
  token = world.member;
  for (const stack of ["dev", "base", "other"]) await newStack(token, "web", stack);
});

const STACK_PATH = "/api/stacks/acme/web/dev";
const reference = (name: string) => ({
  urn: `urn:pulumi:dev::web::pulumi:pulumi:StackReference::${name.replaceAll("/", "-")}`,
  custom: true,
  type: "pulumi:pulumi:StackReference",
  id: name,
  inputs: { name },
});
const names = async (direction: string, path = STACK_PATH, credential = token) =>
  (
    await ok<{ referencedStacks: { organization: string; routingProject: string; name: string }[] }>(
      "GET",
      `${path}/${direction}references`,
      {
        token: credential,
      },
    )
  ).referencedStacks.map((stack) => `${stack.organization}/${stack.routingProject}/${stack.name}`);
const upstream = (path?: string, credential?: string) => names("upstream", path, credential);
const downstream = (path: string, credential?: string) => names("downstream", path, credential);
const imported = (...references: string[]) =>
  ok("POST", `${STACK_PATH}/import`, { token, json: deploymentOf([rootStack, ...references.map(reference)]) });

describe("references between stacks", () => {
  it("are those of the newest state, in both directions", async () => {
    expect(await upstream()).toEqual([]);
    await imported("acme/web/base", "acme/web/other", "acme/web/base");
    expect(await upstream()).toEqual(["acme/web/base", "acme/web/other"]);
    expect(await downstream("/api/stacks/acme/web/base")).toEqual(["acme/web/dev"]);
    expect(await ok("GET", `${STACK_PATH}/upstreamreferences`, { token })).toMatchObject({
      referencedStacks: [{ organization: "acme", routingProject: "web", name: "base", version: 0 }, {}],
    });
    await imported("acme/web/other");
    expect(await upstream()).toEqual(["acme/web/other"]);
    expect(await downstream("/api/stacks/acme/web/base")).toEqual([]);
  });

  it("are read from a journal and from a checkpoint, and stay after an update that writes none", async () => {
    const journaled = await startUpdate(token);
    await ok("PATCH", `${journaled.path}/journalentries`, {
      lease: journaled.lease,
      json: { entries: creates(reference("acme/web/base")) },
    });
    await ok("POST", `${journaled.path}/complete`, { lease: journaled.lease, json: { status: "succeeded" } });
    expect(await upstream()).toEqual(["acme/web/base"]);

    const more = await startUpdate(token);
    await ok("PATCH", `${more.path}/journalentries`, { lease: more.lease, json: { entries: creates(component("a")) } });
    await ok("POST", `${more.path}/complete`, { lease: more.lease, json: { status: "succeeded" } });
    expect(await upstream()).toEqual(["acme/web/base"]);

    const nothing = await startUpdate(token);
    await ok("POST", `${nothing.path}/complete`, { lease: nothing.lease, json: { status: "succeeded" } });
    expect(await upstream()).toEqual(["acme/web/base"]);

    const checkpoint = await startUpdate(token, { journaling: false });
    const json = { isInvalid: false, ...deploymentOf([reference("acme/web/other")]) };
    await ok("PATCH", `${checkpoint.path}/checkpoint`, { lease: checkpoint.lease, json });
    await ok("POST", `${checkpoint.path}/complete`, { lease: checkpoint.lease, json: { status: "succeeded" } });
    expect(await upstream()).toEqual(["acme/web/other"]);
  });

  it("follow a stack that is renamed, and the name of one that is not", async () => {
    await imported("acme/web/base");
    await ok("POST", `${STACK_PATH}/rename`, { token, json: { newName: "prod" } });
    expect(await upstream("/api/stacks/acme/web/prod")).toEqual(["acme/web/base"]);
    expect(await downstream("/api/stacks/acme/web/base")).toEqual(["acme/web/prod"]);
    await ok("POST", "/api/stacks/acme/web/base/rename", { token, json: { newName: "moved" } });
    expect(await upstream("/api/stacks/acme/web/prod")).toEqual([]);
    await newStack(token, "web", "base");
    expect(await upstream("/api/stacks/acme/web/prod")).toEqual(["acme/web/base"]);
  });

  it("show no stack that is deleted or that the caller may not see", async () => {
    await ok("POST", "/api/stacks/globex/web", { token: world.stranger, json: { stackName: "base" } });
    await ok("POST", "/api/stacks/globex/web", { token: world.stranger, json: { stackName: "dev" } });
    await ok("POST", "/api/stacks/globex/web/dev/import", { token: world.stranger, json: deploymentOf([reference("acme/web/base")]) });
    await imported("globex/web/base", "acme/web/other", "acme/web/none");
    expect(await upstream()).toEqual(["acme/web/other"]);
    expect(await downstream("/api/stacks/acme/web/base")).toEqual([]);
    await ok("POST", "/api/orgs/globex/members/mel", { token: world.stranger, json: { role: "member" } });
    expect(await upstream()).toEqual(["acme/web/other", "globex/web/base"]);
    expect(await downstream("/api/stacks/acme/web/base")).toEqual(["globex/web/dev"]);
    expect(await upstream(STACK_PATH, world.admin)).toEqual(["acme/web/other"]);
    await ok("DELETE", "/api/stacks/acme/web/other", { token });
    expect(await upstream(STACK_PATH, world.admin)).toEqual([]);
    await refused(404, "GET", "/api/stacks/acme/web/none/upstreamreferences", { token });
    await refused(404, "GET", "/api/stacks/acme/web/none/downstreamreferences", { token });
  });

  it("show a limited token the stacks of its limits, and no version of another one", async () => {
    await ok("POST", "/api/stacks/acme/web/other/import", { token, json: deploymentOf([rootStack]) });
    await ok("POST", "/api/stacks/acme/web/base/import", { token, json: deploymentOf([reference("acme/web/dev")]) });
    await imported("acme/web/base", "acme/web/other", "acme/web/none", "globex/web/base");
    const { tokenValue } = await newOrgToken(world, "ci", {
      stacks: [
        { project: "web", stack: "dev", access: "read" },
        { project: "web", stack: "other", access: "read" },
      ],
    });
    const overview = (credential: string) =>
      ok<{ referencedStacks: object[] }>("GET", "/api/console/stacks/acme/web/dev/overview", { token: credential });
    const other = { organization: "acme", routingProject: "web", name: "other", version: 1 };
    expect(await upstream(STACK_PATH, tokenValue)).toEqual(["acme/web/other"]);
    expect((await overview(tokenValue)).referencedStacks).toEqual([other]);
    expect((await overview(token)).referencedStacks).toEqual([{ ...other, name: "base" }, other]);
    expect(await downstream(STACK_PATH, tokenValue)).toEqual([]);
    expect(await downstream(STACK_PATH)).toEqual(["acme/web/base"]);
  });

  it("show no stack of an organization where the caller's role gives no right on stacks", async () => {
    await imported("acme/web/base");
    await ok("POST", "/api/orgs/globex/members/mel", { token: world.stranger, json: { role: "billing-manager" } });
    await ok("POST", "/api/stacks/globex/web", { token: world.stranger, json: { stackName: "base" } });
    await ok("POST", "/api/stacks/globex/web/base/import", { token: world.stranger, json: deploymentOf([reference("acme/web/base")]) });
    expect(await downstream("/api/stacks/acme/web/base")).toEqual(["acme/web/dev"]);
  });

  it("have the version that the stack had when it was referenced", async () => {
    const version = async () =>
      (await ok<{ referencedStacks: { version: number }[] }>("GET", `${STACK_PATH}/upstreamreferences`, { token })).referencedStacks[0]!
        .version;
    const newer = () => ok("POST", "/api/stacks/acme/web/base/import", { token, json: deploymentOf([rootStack]) });
    await imported("acme/web/base");
    expect(await version()).toBe(0);
    await newer();
    expect(await version()).toBe(0);
    await imported("acme/web/base");
    expect(await version()).toBe(1);
    await newer();
    const update = await startUpdate(token);
    await ok("PATCH", `${update.path}/journalentries`, { lease: update.lease, json: { entries: creates(component("a")) } });
    await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
    expect(await version()).toBe(2);
    // The row is older than the column.
    await newer();
    await env.DB.prepare("UPDATE stack_references SET version = NULL").run();
    expect(await version()).toBe(3);
  });

  it("name a stack in any case, and show it once and as it is written", async () => {
    await imported("acme/WEB/Base", "acme/web/base", "acme/Web/BASE", "ACME/web/base");
    expect(await upstream()).toEqual(["acme/web/base"]);
    expect(await downstream("/api/stacks/acme/web/base")).toEqual(["acme/web/dev"]);
  });

  it("are only those that name all three parts, whatever else a state says", async () => {
    await imported("base", "web/base", "a/b/c/d", "//", "acme/web/base", `acme/web/${"x".repeat(200)}`, "é/'/\"");
    expect(await upstream()).toEqual(["acme/web/base"]);
    const odd = [
      { ...reference("acme/web/base"), id: 5 },
      { ...reference("acme/web/other"), type: "my:own:StackReference" },
    ];
    await ok("POST", `${STACK_PATH}/import`, { token, json: { version: 3, deployment: { resources: odd } } });
    expect(await upstream()).toEqual([]);
  });
});

it("an import into a stack that is not there is refused before anything is stored", async () => {
  const writes = [vi.spyOn(env.STATE, "put"), vi.spyOn(env.STATE, "createMultipartUpload")];
  onTestFinished(() => writes.forEach((spy) => spy.mockRestore()));
  await refused(404, "POST", "/api/stacks/acme/web/none/import", { token, json: deploymentOf([rootStack]) });
  // An event of an earlier test may become a dead letter meanwhile.
  const keys = writes.flatMap(({ mock }) => mock.calls.map(([key]) => key));
  expect(keys.filter((key) => !key.startsWith(DEAD_LETTERS))).toEqual([]);
});
