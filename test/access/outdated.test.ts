import { beforeEach, describe, expect, it } from "vitest";
import { allow, changeRole, compose, give, newRoleId } from "../roles/roles.ts";
import { cacheIdentity } from "../support/cache.ts";
import { call, ok } from "../support/client.ts";
import { type NewToken, type World, newOrgToken, newStack, newTeam, newWorld } from "../support/world.ts";
import { addTo, closeStacks, grant, team } from "../teams/people.ts";
import { identityOf } from "./manyTeams.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
  await newStack(world.admin);
  await closeStacks(world.admin);
});

const tagging = allow("stack:read", "stack_tags:update");
const reading = allow("stack:read");
const MEL = "/api/orgs/acme/members/mel";

const byAdmin = (method: string, path: string, json?: unknown) =>
  ok(method, path, { token: world.admin, ...(json !== undefined && { json }) });
const role = (details: object = tagging) => newRoleId(world.admin, `r-${crypto.randomUUID()}`, details);
const newTeamToken = async () =>
  (await ok<NewToken>("POST", `${team()}/tokens`, { token: world.admin, json: { name: "team", description: "" } })).tokenValue;

async function newTeamWith(roleId?: string): Promise<void> {
  await newTeam(world);
  await addTo(world.admin, "mel");
  if (roleId) await byAdmin("POST", `${team()}/roles/${roleId}`);
}

interface Loser {
  token: string;
  lose: () => Promise<unknown>;
  /** Number of stacks that the token may list afterwards. */
  sees?: number;
}

/** Each entry gives a right on the stack `web/dev`, and returns how the right is taken away. */
const ways: Record<string, () => Promise<Loser>> = {
  "a member who gets a custom role": async () => {
    await byAdmin("PATCH", "/api/orgs/acme", { setDefaultStackPermission: 102 });
    const id = await role(allow());
    return { token: world.member, lose: () => give(world.admin, "mel", id) };
  },
  "a member of a team who gets its role as a custom role, and so no default permission": async () => {
    await byAdmin("PATCH", "/api/orgs/acme", { setDefaultStackPermission: 102 });
    const id = await role(reading);
    await newTeamWith(id);
    return { token: world.member, lose: () => give(world.admin, "mel", id), sees: 1 };
  },
  "a member with a wide default role who gets the built-in one": async () => {
    await byAdmin("PATCH", `/api/orgs/acme/roles/${await role()}/default`);
    return { token: world.member, lose: () => give(world.admin, "mel", "member") };
  },
  "a member whose custom role is narrowed": async () => {
    const id = await role();
    await give(world.admin, "mel", id);
    return { token: world.member, lose: () => changeRole(world.admin, id, { details: allow() }) };
  },
  "a member whose custom role includes a set that is narrowed": async () => {
    const set = await role();
    await give(world.admin, "mel", await role(compose(set)));
    return { token: world.member, lose: () => changeRole(world.admin, set, { details: allow() }) };
  },
  "a member whose custom role is deleted": async () => {
    const id = await role();
    await give(world.admin, "mel", id);
    return { token: world.member, lose: () => byAdmin("DELETE", `/api/orgs/acme/roles/${id}?force=true`) };
  },
  "a member whose default role is set": async () => {
    await byAdmin("PATCH", "/api/orgs/acme", { setDefaultStackPermission: 102 });
    const id = await role(allow());
    return { token: world.member, lose: () => byAdmin("PATCH", `/api/orgs/acme/roles/${id}/default`) };
  },
  "a member whose default role is narrowed": async () => {
    const id = await role();
    await byAdmin("PATCH", `/api/orgs/acme/roles/${id}/default`);
    return { token: world.member, lose: () => changeRole(world.admin, id, { details: allow() }) };
  },
  "a member whose team loses its role": async () => {
    const id = await role();
    await newTeamWith(id);
    return { token: world.member, lose: () => byAdmin("DELETE", `${team()}/roles/${id}`) };
  },
  "a member whose team's role is narrowed": async () => {
    const id = await role();
    await newTeamWith(id);
    return { token: world.member, lose: () => changeRole(world.admin, id, { details: allow() }) };
  },
  "a member whose team's role is deleted": async () => {
    const id = await role();
    await newTeamWith(id);
    return { token: world.member, lose: () => byAdmin("DELETE", `/api/orgs/acme/roles/${id}?force=true`) };
  },
  "a member who leaves a team with a role": async () => {
    await newTeamWith(await role());
    return { token: world.member, lose: () => addTo(world.admin, "mel", "platform", "remove") };
  },
  "a member who leaves a team with a grant": async () => {
    await newTeamWith();
    await grant(world.admin, 102);
    return { token: world.member, lose: () => addTo(world.admin, "mel", "platform", "remove") };
  },
  "a member whose team is deleted": async () => {
    await newTeamWith(await role());
    return { token: world.member, lose: () => byAdmin("DELETE", team()) };
  },
  "a member whose team loses its grant": async () => {
    await newTeamWith();
    await grant(world.admin, 102);
    return { token: world.member, lose: () => grant(world.admin, 0) };
  },
  "a member who comes back without the old team": async () => {
    await newTeamWith(await role());
    const again = async () => {
      await byAdmin("DELETE", MEL);
      await byAdmin("POST", MEL, { role: "member" });
      // The membership gets as many changes as the old one had.
      await newTeam(world, "other");
      await addTo(world.admin, "mel", "other");
      await byAdmin("POST", `${team("other")}/roles/${await role(allow())}`);
    };
    return { token: world.member, lose: again };
  },
  "an organization token whose role is narrowed": async () => {
    const id = await role();
    const { tokenValue: token } = await newOrgToken(world, "ci", { roleID: id });
    return { token, lose: () => changeRole(world.admin, id, { details: allow() }) };
  },
  "an organization token whose role includes a set that is narrowed": async () => {
    const set = await role();
    const { tokenValue: token } = await newOrgToken(world, "ci", { roleID: await role(compose(set)) });
    return { token, lose: () => changeRole(world.admin, set, { details: allow() }) };
  },
  "an organization token whose role is deleted": async () => {
    const id = await role();
    const { tokenValue: token } = await newOrgToken(world, "ci", { roleID: id });
    return { token, lose: () => byAdmin("DELETE", `/api/orgs/acme/roles/${id}?force=true`) };
  },
  "a team token whose team loses its role": async () => {
    const id = await role();
    await newTeamWith(id);
    return { token: await newTeamToken(), lose: () => byAdmin("DELETE", `${team()}/roles/${id}`) };
  },
  "a team token whose team's role is narrowed": async () => {
    const id = await role();
    await newTeamWith(id);
    return { token: await newTeamToken(), lose: () => changeRole(world.admin, id, { details: allow() }) };
  },
  "a team token whose team loses its grant": async () => {
    await newTeamWith();
    await grant(world.admin, 102);
    return { token: await newTeamToken(), lose: () => grant(world.admin, 0) };
  },
};

const tag = async (token: string) =>
  (await call("POST", "/api/stacks/acme/web/dev/tags", { token, json: { name: "a", value: "b" } })).status;
const listed = async (token: string) => (await ok<{ stacks: unknown[] }>("GET", "/api/user/stacks", { token })).stacks.length;

/** Puts the caller's present identity into the cache, each time that it is called. */
async function remembered(token: string): Promise<() => Promise<void>> {
  const found = await identityOf(token);
  if (!found || !("identity" in found)) throw new Error("no identity");
  return () => cacheIdentity(token, found.identity);
}

describe("an identity that was cached before", () => {
  it.each(Object.entries(ways))("%s gives no right afterwards", async (_, prepare) => {
    const { token, lose, sees = 0 } = await prepare();
    expect(await tag(token)).toBe(204);
    expect(await listed(token)).toBe(1);
    const remember = await remembered(token);
    await lose();
    await remember();
    expect([403, 404]).toContain(await tag(token));
    await remember();
    expect(await listed(token)).toBe(sees);
  });

  it.each<[string, () => Promise<[string, () => Promise<unknown>]>]>([
    [
      "a member whose team gets its first grant",
      async () => {
        await newTeamWith();
        return [world.member, () => grant(world.admin, 101)];
      },
    ],
    [
      "a team token whose team gets its first grant",
      async () => {
        await newTeamWith();
        return [await newTeamToken(), () => grant(world.admin, 101)];
      },
    ],
    [
      "a member whose team gets a role",
      async () => {
        await newTeamWith();
        const id = await role(reading);
        return [world.member, () => byAdmin("POST", `${team()}/roles/${id}`)];
      },
    ],
    [
      "a machine that creates its first stack",
      async () => {
        const { tokenValue } = await newOrgToken(world, "maker", { roleID: await role(allow("stack:create")) });
        return [tokenValue, () => newStack(tokenValue, "web", "own")];
      },
    ],
  ])("%s: no list is made with it", async (_, prepare) => {
    const [token, gain] = await prepare();
    const remember = await remembered(token);
    await gain();
    await remember();
    expect(await listed(token)).toBe(1);
  });
});
