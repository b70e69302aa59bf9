import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { allPages } from "../support/pages.ts";
import { changesNothing } from "../support/stored.ts";
import { type NewToken, type World, newOrgToken, newStack, newTeamToken, newWorld } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
});

const path = "/api/orgs/acme/members";
interface Member {
  role: string;
  user: { githubLogin: string };
  fgaRole: { id: string; modifiedAt: string };
}
const admin = () => ({ token: world.admin });
const roles = async () =>
  Object.fromEntries((await allPages<Member>(path, "members", world.admin)).items.map((member) => [member.user.githubLogin, member.role]));

describe("the list of members", () => {
  it("names people with their roles, and no machines", async () => {
    await newOrgToken(world, "ci");
    await newTeamToken();
    expect(await roles()).toEqual({ ada: "admin", mel: "member", bill: "billing-manager" });
  });

  it("says when each role was last modified, as the list of roles does, and not when the person joined", async () => {
    const { roles: known } = await ok<{ roles: { id: string; modified: string }[] }>("GET", "/api/orgs/acme/roles?uxPurpose=role", admin());
    const modified = new Map(known.map((role) => [role.id, role.modified]));
    await env.DB.prepare("UPDATE members SET created_at = created_at + 86400000").run();
    const added = await ok<Member>("POST", `${path}/gus`, { ...admin(), json: { role: "member" } });
    const { items } = await allPages<Member>(path, "members", world.admin);
    expect(items).toHaveLength(4);
    for (const { fgaRole } of [added, ...items]) expect(fgaRole.modifiedAt).toBe(modified.get(fgaRole.id));
  });

  it("is the same whichever roster is asked for", async () => {
    const lists = await Promise.all(["", "?type=frontend", "?type=backend"].map((query) => ok("GET", `${path}${query}`, admin())));
    expect(lists[1]).toEqual(lists[0]);
    expect(lists[2]).toEqual(lists[0]);
    await refused(400, "GET", `${path}?type=other`, admin());
  });

  it("comes in pages that together are the whole list", async () => {
    await insertPeople(150);
    const { items, pages } = await allPages<Member>(path, "members", world.admin);
    expect(new Set(items.map((member) => member.user.githubLogin)).size).toBe(153);
    expect(pages).toBe(2);
  });
});

describe("adding a member", () => {
  it("opens the organization to the person at once, and is one event", async () => {
    await refused(404, "GET", "/api/orgs/acme", { token: world.stranger });
    const events = await eventsOf(async () => {
      const member = await ok<Member>("POST", `${path}/gus`, { ...admin(), json: { role: "member" } });
      expect(member).toMatchObject({ role: "member", user: { githubLogin: "gus" }, fgaRole: { name: "Member" } });
    });
    expect(events).toMatchObject([{ event: "member-added", description: "Added gus as member.", userLogin: "ada", reqOrgAdmin: true }]);
    await ok("GET", "/api/orgs/acme", { token: world.stranger });
    await newStack(world.stranger);
  });

  it("with an unknown login is 404", async () => {
    const events = await eventsOf(() =>
      changesNothing(async () => {
        expect(await refused(404, "POST", `${path}/nobody`, { ...admin(), json: { role: "member" } })).toBe(
          "Not Found: User 'nobody' not found",
        );
      }),
    );
    expect(events).toEqual([]);
  });

  it("who is a member already is 409, whatever the case of the login", async () => {
    for (const login of ["mel", "MEL"]) {
      const events = await eventsOf(() =>
        changesNothing(async () => {
          const message = await refused(409, "POST", `${path}/${login}`, { ...admin(), json: { role: "admin" } });
          expect(message).toBe("User is already an organization member.");
        }),
      );
      expect(events).toEqual([]);
    }
  });

  it.each([[{}], [{ role: "owner" }], [{ role: null }], [{ role: 1 }], [{ role: "none" }]])("as %j is 400", async (json) => {
    await changesNothing(async () => {
      expect(await refused(400, "POST", `${path}/gus`, { ...admin(), json })).toContain("Invalid organization role.");
    });
  });

  it("knows both spellings of the billing role", async () => {
    await ok("POST", `${path}/gus`, { ...admin(), json: { role: "billingManager" } });
    expect((await roles())["gus"]).toBe("billing-manager");
  });
});

describe("changing a role", () => {
  it("holds from the next request on, also where the old one is cached", async () => {
    await ok("GET", "/api/user", { token: world.member });
    await refused(403, "GET", "/api/orgs/acme/tokens", { token: world.member });
    const events = await eventsOf(() => ok("PATCH", `${path}/mel`, { ...admin(), json: { role: "admin" } }));
    expect(events).toMatchObject([{ event: "member-role-changed", description: "Changed the role of mel to admin.", userLogin: "ada" }]);
    await ok("GET", "/api/orgs/acme/tokens", { token: world.member });
    await ok("PATCH", `${path}/mel`, { ...admin(), json: { role: "billing-manager" } });
    await refused(403, "GET", "/api/orgs/acme/tokens", { token: world.member });
    await refused(403, "POST", "/api/stacks/acme/web", { token: world.member, json: { stackName: "dev" } });
  });

  it("does not pass on an identity that is still cached with the old role", async () => {
    await ok("PATCH", `${path}/mel`, { ...admin(), json: { role: "admin" } });
    await ok("GET", "/api/user", { token: world.member });
    await env.DB.prepare("UPDATE members SET role = 'member' WHERE user_id = (SELECT id FROM users WHERE login = 'mel')").run();
    await changesNothing(() => refused(403, "POST", "/api/orgs/acme/tokens", { token: world.member, json: { name: "mine" } }));
  });

  it("takes a role's id as well, and prefers it", async () => {
    await ok("PATCH", `${path}/mel`, { ...admin(), json: { role: "member", fgaRoleId: "admin" } });
    expect((await roles())["mel"]).toBe("admin");
  });

  it("to the same role leaves no event", async () => {
    // Until then mel had the default role, which an administrator can set to another role.
    await ok("PATCH", `${path}/mel`, { ...admin(), json: { role: "member" } });
    const events = await eventsOf(() => changesNothing(() => ok("PATCH", `${path}/mel`, { ...admin(), json: { role: "member" } })));
    expect(events).toEqual([]);
  });

  it.each([[{}], [{ role: "x" }], [{ fgaRoleId: "x" }], [{ role: null }]])("to %j is 400", async (json) => {
    await changesNothing(() => refused(400, "PATCH", `${path}/mel`, { ...admin(), json }));
  });

  it("of a person who is not a member is 404", async () => {
    for (const login of ["gus", "nobody"])
      await changesNothing(async () => {
        expect(await refused(404, "PATCH", `${path}/${login}`, { ...admin(), json: { role: "admin" } })).toBe(
          `Not Found: User '${login}' not found`,
        );
      });
  });
});

describe("an organization keeps an administrator:", () => {
  it("the last one cannot be demoted", async () => {
    for (const role of ["member", "billing-manager"]) {
      const events = await eventsOf(() => changesNothing(() => refused(400, "PATCH", `${path}/ada`, { ...admin(), json: { role } })));
      expect(events).toEqual([]);
    }
  });

  it("nor any removed by a machine", async () => {
    const { tokenValue } = await newOrgToken(world, "root", { admin: true });
    await changesNothing(() => refused(403, "DELETE", `${path}/ada`, { token: tokenValue }));
  });

  it("of two who demote each other at the same moment, one stays", async () => {
    for (let round = 0; round < 10; round++) {
      await ok("PATCH", `${path}/mel`, { ...admin(), json: { role: "admin" } });
      const answers = await Promise.all([
        call("PATCH", `${path}/mel`, { token: world.admin, json: { role: "member" } }),
        call("PATCH", `${path}/ada`, { token: world.member, json: { role: "member" } }),
      ]);
      expect(answers.map((answer) => answer.status).sort((a, b) => a - b)).toEqual([204, 403]);
      const now = await env.DB.prepare(
        "SELECT u.login FROM members m JOIN users u ON u.id = m.user_id WHERE m.role = 'admin' AND u.login IN ('ada', 'mel')",
      ).all<{ login: string }>();
      expect(now.results.length).toBe(1);
      const [left] = now.results;
      await ok("PATCH", `${path}/ada`, { token: left!.login === "ada" ? world.admin : world.member, json: { role: "admin" } });
    }
  });
});

describe("removing a member", () => {
  it("shuts the organization for the person's own tokens, and no other", async () => {
    await ok("POST", "/api/orgs/globex/members/mel", { token: world.stranger, json: { role: "member" } });
    await ok("POST", "/api/user/organizations/globex/accept", { token: world.member });
    const second = await ok<NewToken>("POST", "/api/user/tokens", { token: world.member });
    await newStack(world.member);
    for (const token of [world.member, second.tokenValue]) await ok("GET", "/api/stacks/acme/web/dev", { token });

    const events = await eventsOf(() => ok("DELETE", `${path}/mel`, admin()));
    expect(events).toMatchObject([{ event: "member-removed", description: "Removed mel.", userLogin: "ada", reqOrgAdmin: true }]);

    for (const token of [world.member, second.tokenValue]) {
      await refused(404, "GET", "/api/stacks/acme/web/dev", { token });
      await refused(404, "POST", "/api/stacks/acme/web", { token, json: { stackName: "new" } });
      expect((await ok<{ stacks: [] }>("GET", "/api/user/stacks", { token })).stacks).toEqual([]);
      const user = await ok<{ organizations: { githubLogin: string }[] }>("GET", "/api/user", { token });
      expect(user.organizations.map((org) => org.githubLogin)).toEqual(["globex"]);
      await ok("GET", "/api/orgs/globex", { token });
    }
  });

  it("does not pass on an identity that is still cached as a member's", async () => {
    await newStack(world.member);
    await ok("GET", "/api/user", { token: world.member });
    await env.DB.prepare("DELETE FROM members WHERE user_id = (SELECT id FROM users WHERE login = 'mel')").run();
    await changesNothing(() => refused(404, "POST", "/api/stacks/acme/web/dev/encrypt", { token: world.member, json: { plaintext: "" } }));
    await refused(404, "GET", "/api/stacks/acme/web/dev/export", { token: world.member });
  });

  it("keeps the organization tokens that this person created valid, with the creator's name", async () => {
    await ok("PATCH", `${path}/mel`, { ...admin(), json: { role: "admin" } });
    const made = await ok<NewToken>("POST", "/api/orgs/acme/tokens", { token: world.member, json: { name: "ci" } });
    await ok("DELETE", `${path}/mel`, admin());
    await newStack(made.tokenValue);
    const { tokens } = await ok<{ tokens: unknown[] }>("GET", "/api/orgs/acme/tokens", admin());
    expect(tokens).toMatchObject([{ name: "ci", createdBy: "mel" }]);
  });

  it("cannot be done to oneself by the last administrator", async () => {
    for (const login of ["ada", "ADA"])
      await changesNothing(async () => {
        expect(await refused(400, "DELETE", `${path}/${login}`, admin())).toMatch(/^You cannot remove yourself from the organization/);
      });
  });

  it("who is not a member is 404", async () => {
    for (const login of ["gus", "nobody", "%27%20OR%201=1"])
      await changesNothing(() => refused(404, "DELETE", `${path}/${login}`, admin()));
  });
});

it("lets an admin organization token manage members, in the organization's name", async () => {
  const { tokenValue } = await newOrgToken(world, "root", { admin: true });
  const events = await eventsOf(async () => {
    await ok("POST", `${path}/gus`, { token: tokenValue, json: { role: "member" } });
    await ok("DELETE", `${path}/gus`, { token: tokenValue });
  });
  expect(events.map((event) => event.event)).toEqual(["member-added", "member-removed"]);
  for (const event of events) expect(event).toMatchObject({ userLogin: "acme", tokenName: "root" });
});

const insertPeople = (count: number) =>
  env.DB.batch([
    env.DB.prepare(
      "INSERT INTO users (id, login, name, email, created_at) SELECT 'u' || value, 'user-' || value, '', '', 0 FROM json_each(?)",
    ).bind(JSON.stringify(Array.from({ length: count }, (_, i) => i))),
    env.DB.prepare(
      "INSERT INTO members (org_id, user_id, role, created_at) SELECT o.id, u.id, 'member', 5 FROM users u, organizations o WHERE u.login LIKE 'user-%' AND o.name = 'acme'",
    ),
  ]);
