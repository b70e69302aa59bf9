import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { type Exported, component, deploymentOf, rootStack, secretsManager } from "../support/deployment.ts";
import { breakObjectReads } from "../support/faults.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
let token: string;
beforeEach(async () => {
  world = await newWorld();
  token = world.member;
  await newStack(token);
  await join("mel");
});

const STACK_PATH = "/api/stacks/acme/web/dev";
const TRANSFERRED_PATH = "/api/stacks/globex/web/dev";
const toGlobex = { toOrg: "globex" };

/** Adds somebody to globex. */
const join = (login: string, role = "member") => ok("POST", `/api/orgs/globex/members/${login}`, { token: world.stranger, json: { role } });

describe("transferring a stack", () => {
  it("moves it with its history, tags and secrets, and is recorded in both organizations", async () => {
    await ok("PATCH", `${STACK_PATH}/tags`, { token, json: { "pulumi:project": "web" } });
    const { ciphertext } = await ok<{ ciphertext: string }>("POST", `${STACK_PATH}/encrypt`, { token, json: { plaintext: "aGk=" } });
    const state = deploymentOf([rootStack, component("a")]);
    const withSecrets = { ...state, deployment: { secrets_providers: secretsManager.secretsProvider, ...state.deployment } };
    await ok("POST", `${STACK_PATH}/import`, { token, json: withSecrets });
    const before = await ok<{ id: string; tags: object }>("GET", STACK_PATH, { token });

    const events = await eventsOf(() => ok("POST", `${STACK_PATH}/transfer`, { token, json: toGlobex }));
    const names = await env.DB.prepare("SELECT id, name FROM organizations").all<{ id: string; name: string }>();
    expect(new Set(events.map((event) => names.results.find((org) => org.id === event.orgId)?.name))).toEqual(new Set(["acme", "globex"]));
    for (const event of events)
      expect(event).toMatchObject({
        event: "stack-transferred-to-organization",
        userLogin: "mel",
        description: 'Transferred stack "acme/web/dev" to organization globex.',
        stack: "web/dev",
      });

    await refused(404, "GET", STACK_PATH, { token });
    expect(await ok("GET", TRANSFERRED_PATH, { token: world.stranger })).toMatchObject({
      id: before.id,
      orgName: "globex",
      version: 2,
      tags: before.tags,
    });
    const exported = await ok<Exported>("GET", `${TRANSFERRED_PATH}/export`, { token });
    expect(exported).toEqual({
      ...withSecrets,
      deployment: {
        ...withSecrets.deployment,
        secrets_providers: { type: "service", state: { owner: "globex", project: "web", stack: "dev" } },
      },
    });
    expect(await ok("POST", `${TRANSFERRED_PATH}/decrypt`, { token, json: { ciphertext } })).toEqual({ plaintext: "aGk=" });
    // An older version has the present name of the stack in its secrets provider, so that it can be read and imported.
    expect(await ok("GET", `${TRANSFERRED_PATH}/export/1`, { token })).toEqual(exported);
    await ok("POST", `${TRANSFERRED_PATH}/import`, { token, json: await ok("GET", `${TRANSFERRED_PATH}/export/1`, { token }) });
    const { updateID } = await ok<{ updateID: string }>("POST", `${TRANSFERRED_PATH}/update`, { token, json: {} });
    const { token: lease } = await ok<{ token: string }>("POST", `${TRANSFERRED_PATH}/update/${updateID}`, { token, json: {} });
    await ok("POST", `${TRANSFERRED_PATH}/update/${updateID}/complete`, { lease, json: { status: "succeeded" } });
  });

  it("takes a body that names the stack once more, and no other one", async () => {
    const json = { ...toGlobex, fromOrg: "acme", projectName: "web", stackName: "dev" };
    for (const other of [{ fromOrg: "globex" }, { projectName: "api" }, { stackName: "prod" }, { toOrg: "acme" }, { toOrg: null }])
      await changesNothing(() => refused(400, "POST", `${STACK_PATH}/transfer`, { token, json: { ...json, ...other } }));
    await ok("POST", `${STACK_PATH}/transfer`, { token, json });
  });

  it("into an organization of others and into an unknown one is the same 404", async () => {
    for (const toOrg of ["globex", "nowhere"])
      await changesNothing(async () =>
        expect(await refused(404, "POST", `${STACK_PATH}/transfer`, { token: world.admin, json: { toOrg } })).toBe(
          `Not Found: Organization '${toOrg}' not found`,
        ),
      );
    await join("ada", "billing-manager");
    await changesNothing(() => refused(403, "POST", `${STACK_PATH}/transfer`, { token: world.admin, json: toGlobex }));
  });

  it("counts a membership from the moment it is there, and to the moment it ends", async () => {
    await ok("GET", "/api/user", { token: world.admin });
    await join("ada");
    await ok("POST", `${STACK_PATH}/transfer`, { token: world.admin, json: toGlobex });
    await ok("DELETE", "/api/orgs/globex/members/ada", { token: world.stranger });
    await changesNothing(() => refused(404, "POST", `${TRANSFERRED_PATH}/transfer`, { token: world.admin, json: { toOrg: "acme" } }));
  });

  it("asks for the right as it is now in the organization it leaves", async () => {
    await join("ada");
    // The creator of a stack keeps the right to it.
    await newStack(world.admin, "web", "other");
    await ok("GET", "/api/user", { token });
    await env.DB.prepare(
      "UPDATE members SET role = 'billing-manager' WHERE org_id = (SELECT id FROM organizations WHERE name = 'acme') AND user_id = (SELECT id FROM users WHERE login = 'mel')",
    ).run();
    await changesNothing(() => refused(404, "POST", "/api/stacks/acme/web/other/transfer", { token, json: toGlobex }));
  });

  it("is not for machines", async () => {
    const { tokenValue } = await newOrgToken(world, "root", { admin: true });
    await changesNothing(() => refused(403, "POST", `${STACK_PATH}/transfer`, { token: tokenValue, json: toGlobex }));
  });

  it("is refused where the name is taken, and while an update runs", async () => {
    await ok("POST", "/api/stacks/globex/WEB", { token, json: { stackName: "dev" } });
    await changesNothing(async () =>
      expect(await refused(409, "POST", `${STACK_PATH}/transfer`, { token, json: toGlobex })).toBe(
        "Conflict: Stack 'globex/web/dev' already exists",
      ),
    );
    await newStack(token, "web", "busy");
    await startUpdate(token, { stack: "web/busy" });
    await changesNothing(async () =>
      expect(await refused(409, "POST", "/api/stacks/acme/web/busy/transfer", { token, json: toGlobex })).toBe(
        "Conflict: Another update is currently in progress.",
      ),
    );
  });
});

describe("transferring all stacks", () => {
  const all = "/api/orgs/acme/bulk-transfer/stacks";
  const json = { fromOrg: "acme", toOrg: "globex" };
  beforeEach(() => join("ada", "admin"));

  it("moves each or leaves it as it was, and says which", async () => {
    await newStack(token, "web", "busy");
    await newStack(token, "web", "deleted");
    await newStack(token, "web", "taken");
    await newStack(token, "api", "dev");
    await ok("DELETE", "/api/stacks/acme/web/deleted", { token });
    await ok("POST", "/api/stacks/globex/web", { token, json: { stackName: "taken" } });
    await startUpdate(token, { stack: "web/busy" });
    expect(await ok("POST", all, { token: world.admin, json })).toBe(
      [
        "Transferred 2 of 4 stacks from acme to globex.",
        "acme/api/dev: transferred",
        "acme/web/busy: Conflict: Another update is currently in progress.",
        "acme/web/dev: transferred",
        "acme/web/taken: Conflict: Stack 'globex/web/taken' already exists",
      ].join("\n"),
    );
    for (const path of ["globex/api/dev", "globex/web/dev", "acme/web/busy", "acme/web/taken"])
      await ok("GET", `/api/stacks/${path}`, { token });
  });

  it("leaves a stack whose state cannot be read", async () => {
    await ok("POST", `${STACK_PATH}/import`, { token, json: deploymentOf([rootStack]) });
    const mend = breakObjectReads();
    expect(await ok("POST", all, { token: world.admin, json })).toContain("acme/web/dev: Service Unavailable");
    mend();
    expect(await ok("GET", STACK_PATH, { token })).toMatchObject({ version: 1 });
  });

  it("is for people who are administrators of both organizations", async () => {
    const { tokenValue } = await newOrgToken(world, "root", { admin: true });
    await changesNothing(async () => {
      await refused(403, "POST", all, { token, json });
      await refused(403, "POST", all, { token: tokenValue, json });
      await refused(404, "POST", all, { token: world.stranger, json });
      await refused(404, "POST", all, { token: world.admin, json: { ...json, toOrg: "nowhere" } });
      await refused(400, "POST", all, { token: world.admin, json: { ...json, toOrg: "acme" } });
      await refused(400, "POST", all, { token: world.admin, json: { ...json, fromOrg: "globex" } });
      await refused(400, "POST", all, { token: world.admin, json: {} });
    });
  });

  it("takes no more than a hundred", async () => {
    await env.DB.batch(
      Array.from({ length: 100 }, (_, i) =>
        env.DB.prepare(
          "INSERT INTO stacks (id, org_id, project, name, created_at) SELECT ?, id, 'many', ?, 0 FROM organizations WHERE name = 'acme'",
        ).bind(`many-${i}`, `s${i}`),
      ),
    );
    await changesNothing(() => refused(400, "POST", all, { token: world.admin, json }));
    expect((await call("GET", STACK_PATH, { token })).status).toBe(200);
  });
});
