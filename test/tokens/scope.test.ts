import { beforeEach, describe, expect, it } from "vitest";
import { routes } from "../../src/app/routes.ts";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { type NewToken, type World, newOrgToken, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

const path = "/api/orgs/acme/tokens";
const limited = (name: string, ...stacks: unknown[]) => newOrgToken(world, name, { stacks });
const names = async (token: string, query = "") =>
  (await ok<{ stacks: { projectName: string; stackName: string }[] }>("GET", `/api/user/stacks${query}`, { token })).stacks.map(
    (stack) => `${stack.projectName}/${stack.stackName}`,
  );

/** The rights that a limit to reading leaves. */
const reading = ["stack:list", "stack:read", "stack:export", "stack:encrypt", "stack:decrypt"];
/** The other route with this permission requires another right, after it has read the team. */
const readsAccess = ({ method, permission }: { method: string; permission: string }) =>
  method === "GET" && permission === "stack_access:read";

describe("a token that is limited to stacks", () => {
  it(
    "gets 404 at every route of a stack that it may not see, and 403 for more than reading where it may only read",
    { timeout: 120_000 },
    async () => {
      const { tokenValue } = await limited("ci", { project: "web", stack: "seen", access: "read" });
      for (const stack of ["seen", "hidden"]) await newStack(world.member, "web", stack);
      const ofStacks = routes.filter(({ definition: d }) => d.path.includes("{stackName}") && d.permission !== "lease");
      expect(ofStacks.length).toBeGreaterThan(20);
      let address = 1;
      for (const { definition } of ofStacks) {
        const at = (stackName: string) =>
          definition.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => ({ orgName: "acme", projectName: "web", stackName })[name] ?? "1");
        const options = () => ({
          token: tokenValue,
          headers: { "CF-Connecting-IP": `2001:db8:0:${address++}::1` },
          ...(definition.method === "GET" ? {} : { json: {} }),
        });
        const what = `${definition.method} ${definition.path}`;
        // A call that no machine and no member may make is refused before the stack is looked up.
        const may = await call(definition.method, at("hidden"), { ...options(), token: (await unlimited()).tokenValue });
        if (may.status !== 403) {
          const hidden = await call(definition.method, at("hidden"), options());
          expect(hidden.status, what).toBe(404);
          if (definition.method !== "HEAD")
            expect((await hidden.json<{ message: string }>()).message, what).toBe("Not Found: Stack 'acme/web/hidden' not found");
        }
        const seen = await call(definition.method, at("seen"), options());
        if (reading.includes(definition.permission) || readsAccess(definition)) expect([401, 403], what).not.toContain(seen.status);
        else expect(seen.status, what).toBe(403);
      }
    },
  );

  let free: NewToken | undefined;
  beforeEach(() => void (free = undefined));
  const unlimited = async () => (free ??= await newOrgToken(world, "free"));

  it("sees only its own in a list, page by page, and a project only where it has a stack that it may see", async () => {
    for (const [project, stack] of [
      ["web", "dev"],
      ["web", "prod"],
      ["web-2", "dev"],
      ["db", "dev"],
    ] as const)
      await newStack(world.member, project, stack);
    const { tokenValue } = await limited("ci", { project: "web*", stack: "dev" });
    expect(await names(tokenValue)).toEqual(["web/dev", "web-2/dev"]);
    expect(await names(tokenValue, "?maxResults=1")).toEqual(["web/dev"]);
    expect(await names(tokenValue, "?project=db")).toEqual([]);
    expect((await call("HEAD", "/api/stacks/acme/web", { token: tokenValue })).status).toBe(200);
    expect((await call("HEAD", "/api/stacks/acme/db", { token: tokenValue })).status).toBe(404);
  });

  it("learns the number and the names of the stacks that it may see, and not how many there are", async () => {
    for (const stack of ["dev", "prod", "pr-1"]) await newStack(world.member, "web", stack);
    await newStack(world.member, "db", "dev");
    const seen = async (token: string) => {
      const { stackCount } = await ok<{ stackCount: number }>("GET", "/api/orgs/acme/metadata", { token });
      const { repos } = await ok<{ repos: { projects: { name: string; stacks: { name: string }[] }[] }[] }>("GET", "/api/orgs/acme", {
        token,
      });
      const all = repos.flatMap(({ projects }) => projects.flatMap(({ name, stacks }) => stacks.map((stack) => `${name}/${stack.name}`)));
      return [stackCount, ...all];
    };
    expect(await seen((await unlimited()).tokenValue)).toEqual([4, "db/dev", "web/dev", "web/pr-1", "web/prod"]);
    expect(await seen((await limited("dev", { project: "*", stack: "dev", access: "read" })).tokenValue)).toEqual([2, "db/dev", "web/dev"]);
    expect(await seen((await newOrgToken(world, "none", { stacks: [] })).tokenValue)).toEqual([0]);
  });

  it("deploys where it may write", async () => {
    const { tokenValue } = await limited("ci", { project: "web", stack: "pr-*" });
    await newStack(tokenValue, "web", "pr-7");
    const update = await startUpdate(tokenValue, { stack: "web/pr-7" });
    await ok("POST", `${update.path}/complete`, { lease: update.lease, json: { status: "succeeded" } });
    await ok("GET", "/api/stacks/acme/web/pr-7/export", { token: tokenValue });
    await ok("DELETE", "/api/stacks/acme/web/pr-7", { token: tokenValue });
  });

  it("creates no other stack, and does not learn whether it exists", async () => {
    await newStack(world.member, "web", "prod");
    const { id, tokenValue } = await limited("ci", { project: "web", stack: "dev" }, { project: "web", stack: "prod", access: "read" });
    for (const stackName of ["prod", "other"]) {
      const events = await eventsOf(() =>
        changesNothing(() => refused(403, "POST", "/api/stacks/acme/web", { token: tokenValue, json: { stackName } })),
      );
      expect(events).toMatchObject([{ event: "auth-failure-token-scope", tokenId: id, userLogin: "acme", authFailure: true }]);
    }
  });

  it("renames no stack out of its limits", async () => {
    const { tokenValue } = await limited("ci", { project: "web", stack: "dev*" });
    await newStack(tokenValue, "web", "dev");
    const rename = (newName: string) => call("POST", "/api/stacks/acme/web/dev/rename", { token: tokenValue, json: { newName } });
    await changesNothing(async () => expect((await rename("prod")).status).toBe(403));
    expect((await rename("dev-2")).status).toBe(200);
  });

  it("sees no stack with an empty list of rules", async () => {
    await newStack(world.member);
    const { tokenValue } = await newOrgToken(world, "none", { stacks: [] });
    expect(await names(tokenValue)).toEqual([]);
    await refused(404, "GET", "/api/stacks/acme/web/dev", { token: tokenValue });
  });

  it("still knows its organization", async () => {
    const { tokenValue } = await limited("ci", { project: "web" });
    await ok("GET", "/api/user", { token: tokenValue });
    await ok("GET", "/api/orgs/acme", { token: tokenValue });
  });

  it("shows its rules in the list, with what was left out", async () => {
    await limited("ci", { project: "web" });
    const { tokens } = await ok<{ tokens: { stacks: unknown }[] }>("GET", path, { token: world.admin });
    expect(tokens[0]!.stacks).toEqual([{ project: "web", stack: "*", access: "write" }]);
  });

  it.each([
    [{ stacks: "web/*" }],
    [{ stacks: [{ stack: "dev" }] }],
    [{ stacks: [{ project: "" }] }],
    [{ stacks: [{ project: "a b" }] }],
    [{ stacks: [{ project: "web", access: "admin" }] }],
    [{ stacks: [{ project: `${"x".repeat(60)}*` }] }],
    [{ stacks: Array.from({ length: 101 }, () => ({ project: "web" })) }],
    [{ stacks: [{ project: "web" }], admin: true }],
  ])("is not made of %j", async (more) => {
    await changesNothing(() => refused(400, "POST", path, { token: world.admin, json: { name: "ci", ...more } }));
  });
});

describe("a token with the read-only role", () => {
  const reader = () => newOrgToken(world, "reader", { roleID: "read-only" });

  it("reads every stack and changes none", async () => {
    await newStack(world.member);
    const { tokenValue } = await reader();
    expect(await names(tokenValue)).toEqual(["web/dev"]);
    await ok("GET", "/api/stacks/acme/web/dev/export", { token: tokenValue });
    const { ciphertext } = await ok<{ ciphertext: string }>("POST", "/api/stacks/acme/web/dev/encrypt", {
      token: tokenValue,
      json: { plaintext: "aGk=" },
    });
    await ok("POST", "/api/stacks/acme/web/dev/decrypt", { token: tokenValue, json: { ciphertext } });
    await changesNothing(async () => {
      await refused(403, "POST", "/api/stacks/acme/web/dev/update", { token: tokenValue, json: {} });
      await refused(403, "POST", "/api/stacks/acme/web/dev/import", { token: tokenValue, json: { version: 3, deployment: {} } });
      await refused(403, "POST", "/api/stacks/acme/web", { token: tokenValue, json: { stackName: "new" } });
      await refused(403, "DELETE", "/api/stacks/acme/web/dev", { token: tokenValue });
    });
  });

  it("has a role that the contract knows", async () => {
    const { id } = await reader();
    const { tokens } = await ok<{ tokens: { id: string; role: { id: string; name: string; defaultIdentifier: string } }[] }>("GET", path, {
      token: world.admin,
    });
    expect(tokens[0]).toMatchObject({ id, admin: false, role: { name: "Read Only", defaultIdentifier: "stack-read" } });
  });
});

describe("a role", () => {
  it("is chosen by its id in this organization or by its name, and must not contradict `admin`", async () => {
    const { id } = await newOrgToken(world, "root", { admin: true });
    const { tokens } = await ok<{ tokens: { role: { id: string } }[] }>("GET", path, { token: world.admin });
    const roleID = tokens[0]!.role.id;
    const again = await newOrgToken(world, "root-2", { roleID });
    const withRole = (role: string) =>
      ok<{ tokens: { id: string }[] }>("GET", `/api/orgs/acme/roles/${role}/tokens`, { token: world.admin });
    expect((await withRole(roleID)).tokens.map((token) => token.id).sort()).toEqual([id, again.id].sort());
    expect((await withRole("member")).tokens).toEqual([]);

    const theirs = await ok<NewToken>("POST", "/api/orgs/globex/tokens", { token: world.stranger, json: { name: "x", admin: true } });
    const list = await ok<{ tokens: { id: string; role: { id: string } }[] }>("GET", "/api/orgs/globex/tokens", { token: world.stranger });
    const foreign = list.tokens.find((token) => token.id === theirs.id)!.role.id;
    for (const json of [
      { roleID: foreign },
      { roleID: "owner" },
      { roleID: 7 },
      { admin: true, roleID: "member" },
      { admin: true, roleID: "read-only" },
    ])
      expect(await refused(400, "POST", path, { token: world.admin, json: { name: "bad", ...json } })).toContain(
        "Invalid parameter 'roleID'.",
      );
    await refused(404, "GET", `/api/orgs/acme/roles/${foreign}/tokens`, { token: world.admin });
  });
});
