import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { type SimpleRole, readTree, writeTree } from "../../src/console/roles/tree.ts";
import { eventsOf } from "../support/audit.ts";
import { type Visitor, fieldsOf, shown, signIn } from "../support/browser.ts";
import { ok, refused } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, newOrgToken, newStack, newTeam, newWorld } from "../support/world.ts";
import { ROLES, type Role, allow, compose, give, newRole, newRoleId } from "../roles/roles.ts";
import { newPerson } from "../teams/people.ts";

const HERE = "/acme/~/roles";
const MARKUP = `<i>"x'&</i>`;
const ESCAPED = "&lt;i&gt;&quot;x&#39;&amp;&lt;/i&gt;";

let world: World;
let admin: Visitor;
beforeEach(async () => {
  world = await newWorld();
  admin = await signIn(world.admin);
});

const roleOf = (id: string) => ok<Role>("GET", `${ROLES}/${id}`, { token: world.admin });
/** The id of the role to whose page an answer redirects. */
async function idIn(answer: Promise<Response>): Promise<string> {
  const response = await answer;
  expect(response.status, await response.clone().text()).toBe(303);
  return response.headers.get("Location")!.split("/").at(-1)!;
}
const setId = async (name: string) => {
  const { roles } = await ok<{ roles: Role[] }>("GET", `${ROLES}?uxPurpose=set`, { token: world.admin });
  return roles.find((role) => role.name === name)!.id;
};

const stack = { __type: "PermissionExpressionStack" };
const tagged = (key: string, value: string, subNode: unknown) => ({
  __type: "PermissionDescriptorCondition",
  condition: {
    __type: "PermissionExpressionEqual",
    left: { __type: "PermissionExpressionTag", context: stack, key },
    right: { __type: "PermissionLiteralExpressionString", value },
  },
  subNode,
});
/** A tree that the form cannot show. */
const negated = {
  __type: "PermissionDescriptorCondition",
  condition: { __type: "PermissionExpressionNot", node: { __type: "PermissionExpressionHasTag", context: stack, key: "env" } },
  subNode: allow("stack:read"),
};

describe("the form of a role", () => {
  it("creates what the API stores, shows it in words, and changes nothing when it is sent as it came", async () => {
    await newStack(world.admin, "shop", "production");
    const [read, write, billing] = [await setId("Stack Read"), await setId("Stack Write"), await setId("Organization Settings Billing")];
    const form = {
      ...fieldsOf(await shown(admin.get(`${HERE}/new`)), `${HERE}/new`),
      name: "Developers",
      description: "of the shop",
      parts: "3",
      "organization.set": billing,
      "organization.team:read": "yes",
      "part0.on": "all",
      "part0.set": read,
      "part1.on": "tag",
      "part1.key": "env",
      "part1.value": "dev",
      "part1.set": write,
      "part1.stack:delete": "yes",
      "part2.on": "stacks",
      "part2.stacks": "Shop/Production",
      "part2.stack:cancel_update": "yes",
    };
    const id = await idIn(admin.post(`${HERE}/new`, form));
    const created = await roleOf(id);
    const { results } = await env.DB.prepare("SELECT id FROM stacks").all<{ id: string }>();
    const named = { __type: "PermissionLiteralExpressionStack", identity: results[0]!.id };
    expect(created.details).toEqual({
      __type: "PermissionDescriptorGroup",
      entries: [
        compose(billing),
        allow("team:read"),
        compose(read),
        tagged("env", "dev", { __type: "PermissionDescriptorGroup", entries: [compose(write), allow("stack:delete")] }),
        {
          __type: "PermissionDescriptorCondition",
          condition: { __type: "PermissionExpressionEqual", left: stack, right: named },
          subNode: allow("stack:cancel_update"),
        },
      ],
    });

    const page = await shown(admin.get(`${HERE}/${id}`));
    for (const part of ["On stacks with the tag env = dev", "On shop/production", "Cancel a running update of the stack.", "of the shop"])
      expect(page).toContain(part);
    expect(await shown(admin.get(HERE))).toContain(
      "Stacks with the tag env = dev: see, export, decrypt secrets, preview, update, import, delete",
    );

    const edit = `${HERE}/${id}/edit`;
    const untouched = fieldsOf(await shown(admin.get(edit)), edit);
    expect(untouched).toMatchObject({ name: "Developers", "part2.stacks": "shop/production", "part1.stack:delete": "yes" });
    expect(await eventsOf(async () => expect((await admin.post(edit, untouched)).status).toBe(303))).toEqual([]);
    expect(await roleOf(id)).toEqual(created);

    const events = await eventsOf(() => admin.post(edit, { ...untouched, "part1.value": "test", name: "Builders" }));
    expect(events).toMatchObject([{ event: "custom-role-updated" }]);
    expect(JSON.stringify((await roleOf(id)).details)).toContain('"value":"test"');
  });

  it("adds fields for further stacks, and keeps what was typed", async () => {
    const first = fieldsOf(await shown(admin.get(`${HERE}/new`)), `${HERE}/new`);
    const page = await shown(admin.post(`${HERE}/new`, { ...first, name: "Typed", more: "yes" }));
    expect(page).toContain('value="Typed"');
    expect(page).toContain("Stacks, part 2");
    expect(fieldsOf(page, `${HERE}/new`)["parts"]).toBe("2");
    expect(await shown(admin.post(`${HERE}/new`, { ...first, parts: "1e9", more: "yes" }))).not.toContain("Stacks, part 9");
    expect(await eventsOf(() => admin.post(`${HERE}/new`, { ...first, more: "yes" }))).toEqual([]);
  });

  it.each([
    [{ "part0.on": "tag", "part0.stack:read": "yes" }, "Enter the name of a tag."],
    [{ "part0.on": "stacks", "part0.stack:read": "yes" }, "Enter at least one stack."],
    [{ "part0.on": "stacks", "part0.stack:read": "yes", "part0.stacks": "web/<b>" }, "There is no stack web/&lt;b&gt;."],
    [{ "part0.on": "stacks", "part0.stack:read": "yes", "part0.stacks": "a/b ".repeat(201) }, "Enter at most 200 stacks"],
    [{ "part0.set": "nobody's" }, "is not a role or permission set"],
    [{ name: "Admin" }, "Role with this name already exists", 409],
    [{ name: "x".repeat(101) }, "1 to 100 characters"],
    [{ name: " " }, "1 to 100 characters"],
  ] as const)("keeps what was typed when it is wrong: %j", async (wrong, message, status: number = 400) => {
    const form = { name: "Typed", description: MARKUP, parts: "1", "part0.on": "all", ...wrong };
    const page = await shown(admin.post(`${HERE}/new`, form), status);
    expect(page).toContain(message);
    expect(page).toContain(`value="${ESCAPED}"`);
  });

  it("shows the names of stacks only to readers who may know them, and does not lose the others", async () => {
    await newStack(world.admin, "shop", "secret");
    const { results } = await env.DB.prepare("SELECT id FROM stacks").all<{ id: string }>();
    const { id: stackId } = results[0]!;
    const tree = writeTree({
      organization: { set: "", scopes: [] },
      stacks: [{ set: "", scopes: ["stack:read"], where: { on: "stacks", ids: [stackId] } }],
    });
    const id = await newRoleId(world.admin, "Secret readers", tree);
    const editor = await newPerson("eve");
    expect(await shown(admin.get(`${HERE}/${id}`))).toContain("On shop/secret");
    // Without rights on stacks, eve sees the id of the stack, also in the form, and saving the form keeps it.
    await give(world.admin, "eve", await newRoleId(world.admin, "Blind editors", allow("role:read", "role:update")));
    const eve = await signIn(editor);
    const page = await shown(eve.get(`${HERE}/${id}`));
    expect(page).not.toContain("shop/secret");
    const edit = `${HERE}/${id}/edit`;
    const form = fieldsOf(await shown(eve.get(edit)), edit);
    expect(form["part0.stacks"]).toBe(stackId);
    expect(await eventsOf(async () => expect((await eve.post(edit, form)).status).toBe(303))).toEqual([]);
    // A stack that eve may not know gives the same error as a stack that does not exist.
    expect(await shown(eve.post(edit, { ...form, "part0.stacks": "shop/secret" }), 400)).toContain("There is no stack shop/secret.");
  });
});

describe("a role as JSON", () => {
  it("is stored word for word, and opens as JSON when the form cannot show it", async () => {
    const details = `{ "__type" : "PermissionDescriptorAllow",\n  "permissions": ["stack:read"], "note": 1.50 }`;
    const create = `${HERE}/new?as=json`;
    const form = { ...fieldsOf(await shown(admin.get(create)), create), name: "Readers", details: details.replaceAll("\n", "\r\n") };
    const id = await idIn(admin.post(create, form));
    const row = await env.DB.prepare("SELECT details FROM roles WHERE id = ?").bind(id).first<{ details: string }>();
    expect(row!.details).toBe(details);
    const edit = `${HERE}/${id}/edit`;
    const page = await shown(admin.get(edit));
    expect(page).toContain("The form cannot show all conditions of this role");
    expect(await eventsOf(() => admin.post(`${edit}?as=json`, fieldsOf(page, `${edit}?as=json`)))).toEqual([]);

    const other = await newRoleId(world.admin, "Untagged", negated);
    expect(await shown(admin.get(`${HERE}/${other}/edit`))).toContain("PermissionExpressionNot");
    expect(await shown(admin.get(`${HERE}/${other}`))).toContain("On stacks with no tag env");
    const simple = await newRoleId(world.admin, "Simple", allow("stack:read"));
    expect(await shown(admin.get(`${HERE}/${simple}/edit`))).not.toContain("<textarea");
    expect(await shown(admin.get(`${HERE}/${simple}/edit?as=json`))).toContain("<textarea");
  });

  const deep = (levels: number): unknown =>
    levels === 1 ? allow("stack:read") : { __type: "PermissionDescriptorGroup", entries: [deep(levels - 1)] };

  it.each([
    ["no JSON", `{"<b>`, "The definition is not valid."],
    ["too many levels of JSON", "[".repeat(2000), "levels of lists and objects"],
    ["more than the member", `1}, "name": "x", "details": {"a": 1`, "The definition is not valid."],
    ["nothing", "", "The definition is not valid."],
    ["null", "null", "is an object with the member __type"],
    ["a list", "[]", "is an object with the member __type"],
    ["65 levels", JSON.stringify(deep(65)), "at most 64 levels"],
    ["an unknown kind", `{"__type":"<script>"}`, "&#39;&lt;script&gt;&#39; is not a kind of permission descriptor"],
    ["a built-in role", JSON.stringify(compose("admin")), "is a built-in role"],
  ])("refuses %s, and keeps it in the form", async (_, details, message) => {
    const create = `${HERE}/new?as=json`;
    const page = await shown(admin.post(create, { name: "Typed", details }), 400);
    expect(page).toContain(message);
    expect(fieldsOf(page, create)).toMatchObject({ name: "Typed", details });
    expect((await ok<{ roles: Role[] }>("GET", `${ROLES}?uxPurpose=role`, { token: world.admin })).roles).toHaveLength(4);
  });

  it("refuses a megabyte, and text that no page could show again", async () => {
    expect(await shown(admin.post(`${HERE}/new?as=json`, { name: "x", details: " ".repeat(1_000_000) }), 413)).toContain("too large");
    expect(await shown(admin.post(`${HERE}/new?as=json`, { name: "x", details: `"${"<".repeat(20_000)}"` }), 413)).toContain(
      "This definition is too long for this page.",
    );
  });

  it("is not edited in a page when it is too long, and its page says so", async () => {
    const many = Array.from({ length: 2000 }, (_, i) => `unknown:scope-${i}-${"x".repeat(40)}`);
    const id = await newRoleId(world.admin, "Long", allow("stack:read", ...many.slice(0, 1999)));
    expect(await shown(admin.get(`${HERE}/${id}/edit`))).toContain("too long for this page");
    expect(await shown(admin.get(`${HERE}/${id}`))).toMatch(/These scopes grant nothing here: .* and 1949 more/s);
  });
});

it("shows what a change of a role would change, above what was typed, and changes nothing", async () => {
  const id = await newRoleId(world.admin, "reader", allow("audit_logs:read"));
  await newPerson("nia");
  await give(world.admin, "nia", id);
  const definition = JSON.stringify(allow("stack:read", "role:read"));
  const form = { name: "reader", description: "typed", details: definition };
  await changesNothing(async () => {
    const effects = await shown(admin.post(`${HERE}/${id}/edit?as=json`, { ...form, show: "effects" }));
    expect(effects).toMatch(/Nothing has been changed yet.*Gains.*nia.*role:read.*Loses.*nia.*audit_logs:read/s);
    expect(effects).toContain('value="typed"');
    expect(await shown(admin.post(`${HERE}/${id}/edit?as=json`, { ...form, details: "{}", show: "effects" }), 400)).toContain(
      "notice error",
    );
  });
  expect((await admin.post(`${HERE}/${id}/edit?as=json`, form)).status).toBe(303);
  expect((await roleOf(id)).details).toEqual(JSON.parse(definition));
});

it("shows a refusal of the API with what was typed, and its status", async () => {
  const maker = await newPerson("max");
  await give(world.admin, "max", await newRoleId(world.admin, "Makers", allow("role:create", "role:read", "stack:read")));
  const max = await signIn(maker);
  const page = await shown(max.post(`${HERE}/new`, { name: "Typed", parts: "1", "part0.on": "all", "part0.stack:delete": "yes" }), 403);
  expect(page).toContain("includes the right stack:delete, which you do not have");
  expect(fieldsOf(page, `${HERE}/new`)).toMatchObject({ name: "Typed", "part0.stack:delete": "yes" });
  expect(await idIn(max.post(`${HERE}/new`, { name: "Typed", parts: "1", "part0.stack:read": "yes" }))).toMatch(/-/);
  // max may neither change nor delete roles, and the pages have no buttons for it.
  const role = await newRoleId(world.admin, "Other", allow("stack:read"));
  const detail = await shown(max.get(`${HERE}/${role}`));
  for (const control of ["/edit", "/delete", "/default"]) expect(detail).not.toContain(`${HERE}/${role}${control}`);
  for (const control of ["/edit", "/delete", "/default"]) await shown(max.post(`${HERE}/${role}${control}`, {}), 403);
});

describe("the end of a role", () => {
  const end = (id: string, form = {}, query = "") => admin.post(`${HERE}/${id}/delete${query}`, form);

  it("comes at once when nobody has it", async () => {
    const id = await newRoleId(world.admin, "Unused", allow("stack:read"));
    expect(await shown(admin.get(`${HERE}/${id}/delete`))).toContain("Nobody has it.");
    expect((await end(id)).headers.get("Location")).toBe(HERE);
    await shown(admin.get(`${HERE}/${id}`), 404);
  });

  it("is refused with reasons while it is in use, and forced on a second page", async () => {
    const id = await newRoleId(world.admin, "Used", allow("stack:read"));
    await give(world.admin, "mel", id);
    await newTeam(world);
    await ok("POST", `/api/orgs/acme/teams/platform/roles/${id}`, { token: world.admin });
    const token = await newOrgToken(world, "reader", { roleID: id });
    await ok("POST", "/api/orgs/acme/invites/link", { token: world.admin, json: { roleId: id } });
    await admin.post(`${HERE}/${id}/default`, {});
    const detail = await shown(admin.get(`${HERE}/${id}`));
    for (const link of ["/acme/~/members/mel/role", "/acme/~/teams/platform/roles", `/acme/~/tokens/${token.id}`])
      expect(detail).toContain(`href="${link}"`);

    const page = await shown(admin.get(`${HERE}/${id}/delete`));
    for (const reason of [
      "is the default role",
      "1 person has it",
      "1 team has it",
      "1 access token has it",
      "1 pending invitation gives it",
    ])
      expect(page).toContain(reason);
    expect(page).not.toContain('<form method="post" action="/acme/~/roles');
    expect(await shown(end(id), 409)).toContain("is still assigned to people, teams or tokens");
    const second = await shown(admin.get(`${HERE}/${id}/delete?force=true`));
    expect(second).toContain("stays valid with the rights of the Billing Manager");
    expect(await shown(end(id, { force: "true", confirmation: "used" }, "?force=true"), 400)).toContain("This is not the role&#39;s name.");
    expect((await roleOf(id)).name).toBe("Used");
    expect((await end(id, { force: "true", confirmation: "Used" }, "?force=true")).headers.get("Location")).toBe(HERE);
    await refused(404, "GET", `${ROLES}/${id}`, { token: world.admin });
  });

  it("tells readers nothing of tokens and invitations that they may not list", async () => {
    const id = await newRoleId(world.admin, "Used", allow("org_member:read"));
    const token = await newOrgToken(world, "secret-token", { roleID: id });
    await ok("POST", "/api/orgs/acme/invites/link", { token: world.admin, json: { roleId: id } });
    const reader = await newPerson("rea");
    await give(world.admin, "rea", await newRoleId(world.admin, "Readers of roles", allow("role:read", "role:delete", "org_member:read")));
    const rea = await signIn(reader);
    const detail = await shown(rea.get(`${HERE}/${id}`));
    for (const hidden of [token.id, "secret-token", "Access tokens</dt>", "Pending invitations"]) expect(detail).not.toContain(hidden);
    const page = await shown(rea.get(`${HERE}/${id}/delete`));
    expect(page).toContain("Access tokens have it.");
    expect(page).toContain("Only an administrator can delete a role that is in use.");
    expect(await shown(rea.post(`${HERE}/${id}/delete`, { force: "true", confirmation: "Used" }), 403)).toContain(
      "You do not have permission",
    );
  });

  it("waits for the roles that include it", async () => {
    const id = await newRoleId(world.admin, MARKUP, allow("stack:read"), { uxPurpose: "set" });
    const including = await newRoleId(world.admin, "Outer", compose(id));
    const page = await shown(admin.get(`${HERE}/${id}/delete`));
    expect(page).toContain("while other roles or permission sets include it");
    expect(page).toContain(`href="${HERE}/${including}"`);
    expect(await shown(end(id), 409)).toContain("remove it from them first");
  });

  it("never comes to a built-in role", async () => {
    for (const path of [`${HERE}/admin/delete`, `${HERE}/admin/edit`]) {
      await shown(admin.get(path), 400);
      await shown(admin.post(path, {}), 400);
    }
    expect(await shown(admin.post(`${HERE}/admin/default`, {}), 400)).toContain("Invalid role type");
  });
});

it("makes a role the default, and counts the members who have it by that", async () => {
  const id = await newRoleId(world.admin, "Everybody", allow("stack:read"));
  expect(await shown(admin.get(`${HERE}/${id}`))).toContain("instead of Member, at once");
  expect((await admin.post(`${HERE}/${id}/default`, {})).status).toBe(303);
  const page = await shown(admin.get(`${HERE}/${id}`));
  expect(page).toContain("This includes members without an assigned role");
  expect(page).toContain(">mel</a>");
  expect(page).not.toContain("Make it the default role");
  expect(await shown(admin.get("/acme/~/members/invites"))).toContain("Everybody, the default role");
  expect((await admin.post(`${HERE}/member/default`, {})).status).toBe(303);
  expect((await roleOf(id)).isOrgDefault).toBe(false);
});

describe("the picker of roles", () => {
  it("gives a custom role to a member, a new member, an invited person and a token", async () => {
    const id = await newRoleId(world.admin, "Reader", tagged("env", "dev", allow("stack:read", "stack:export")));
    const opens = "Stacks with the tag env = dev: see, export";
    const change = "/acme/~/members/mel/role";
    for (const path of [change, "/acme/~/members", "/acme/~/members/invites", "/acme/~/tokens/new"]) {
      const page = await shown(admin.get(path));
      expect(page, path).toContain(opens);
      expect(page, path).toMatch(/class="apart">.*value="admin".*hint warn/s);
    }
    expect((await admin.post(change, { role: id })).status).toBe(303);
    expect(await shown(admin.get(change))).toMatch(new RegExp(`value="${id}" checked`));
    expect((await admin.post("/acme/~/members", { login: "gus", role: id })).status).toBe(303);
    const { members } = await ok<{ members: { user: { githubLogin: string }; fgaRole: { name: string } }[] }>(
      "GET",
      "/api/orgs/acme/members",
      {
        token: world.admin,
      },
    );
    const rolesOf = Object.fromEntries(members.map(({ user, fgaRole }) => [user.githubLogin, fgaRole.name]));
    expect(rolesOf).toMatchObject({ mel: "Reader", gus: "Reader", ada: "Admin" });

    expect((await admin.post("/acme/~/members/invites", { role: id })).status).toBe(303);
    const invites = await shown(admin.get("/acme/~/members/invites"));
    expect(invites).toContain("<td>Reader</td>");
    const [, path] = /https:\/\/stackpass\.test(\/acme\/~\/invites\/[0-9a-f-]+)/.exec(invites)!;
    await newPerson("ivy", "member", "globex");
    expect(await shown((await signIn(world.stranger)).get(path!))).toContain("<strong>Reader</strong>");

    const created = await admin.post("/acme/~/tokens/new", { name: "ci", roleID: id, expiry: "never" });
    expect(created.status).toBe(303);
    const { tokens } = await ok<{ tokens: { role: { name: string } }[] }>("GET", "/api/orgs/acme/tokens", { token: world.admin });
    expect(tokens[0]!.role.name).toBe("Reader");
  });

  it("changes the role of a token, which takes effect at its next call and stays in the log", async () => {
    await newStack(world.admin);
    const id = await newRoleId(world.admin, "Blind", allow("org_member:read"));
    const token = await newOrgToken(world, "ci");
    const path = `/acme/~/tokens/${token.id}`;
    const read = { token: token.tokenValue };
    await ok("GET", "/api/stacks/acme/web/dev", read);
    const untouched = fieldsOf(await shown(admin.get(path)), `${path}/edit`);
    expect(untouched["roleID"]).toBe("member");
    const events = await eventsOf(async () => expect((await admin.post(`${path}/edit`, { ...untouched, roleID: id })).status).toBe(303));
    expect(events).toMatchObject([{ event: "organization-token-updated" }]);
    expect(events[0]!.description).toContain('role from "Member" to "Blind"');
    await refused(403, "GET", "/api/stacks/acme/web/dev", read);
    expect(await shown(admin.get(path))).toContain(`<a href="${HERE}/${id}">Blind</a>`);
    for (const roleID of ["emperor", await newRoleId(world.admin, "A set", allow(), { uxPurpose: "set" })])
      await shown(admin.post(`${path}/edit`, { ...untouched, roleID }), 400);
    await ok("PATCH", `/api/orgs/acme/tokens/${token.id}`, { token: world.admin, json: { stacks: [{ project: "web", access: "read" }] } });
    expect(await shown(admin.post(`${path}/edit`, { displayName: "ci", roleID: "admin" }), 400)).toContain("cannot be limited to stacks");
  });

  it("offers no custom roles to a reader who may not see roles", async () => {
    const hidden = await newRoleId(world.admin, "Hidden role", allow("stack:read"));
    const inviter = await newPerson("ian");
    await give(
      world.admin,
      "ian",
      await newRoleId(world.admin, "Inviters", allow("org_member:read", "invites:read", "invites:create", "team:read")),
    );
    const page = await shown((await signIn(inviter)).get("/acme/~/members/invites"));
    expect(page).not.toContain("Hidden role");
    expect(page).not.toContain(hidden);
  });
});

it("names what it shows as text, wherever it shows it", async () => {
  const id = await newRoleId(world.admin, MARKUP, tagged(MARKUP, MARKUP, allow("stack:read")), { description: MARKUP });
  await newTeam(world);
  await ok("POST", `/api/orgs/acme/teams/platform/roles/${id}`, { token: world.admin });
  for (const path of [
    HERE,
    `${HERE}/${id}`,
    `${HERE}/${id}/edit`,
    `${HERE}/${id}/delete`,
    "/acme/~/members/mel/role",
    "/acme/~/tokens/new",
  ]) {
    const page = await shown(admin.get(path));
    expect(page, path).not.toContain("<i>");
    expect(page, path).toContain(ESCAPED);
  }
});

it("is not there for strangers, and not allowed to members", async () => {
  const id = await newRoleId(world.admin, "Mine", allow("stack:read"));
  const gus = await signIn(world.stranger);
  const mel = await signIn(world.member);
  for (const path of [HERE, `${HERE}/${id}`, `${HERE}/${id}/edit`, `${HERE}/new`]) {
    await shown(gus.get(path), 404);
    await shown(mel.get(path), 403);
  }
  await shown(admin.get(`${HERE}/nobody`), 404);
  expect(await shown(mel.get("/acme/~/members"))).not.toContain(`href="${HERE}"`);
});

describe("trees that the form knows", () => {
  const about = (id: string) => (id === "org" ? ("organization" as const) : id.startsWith("set") ? ("stack" as const) : undefined);
  const simple: SimpleRole = {
    organization: { set: "org", scopes: ["team:read"] },
    stacks: [
      { set: "set1", scopes: [], where: { on: "all" } },
      { set: "", scopes: ["stack:read", "stack:preview"], where: { on: "tag", key: "a", value: "" } },
      { set: "set2", scopes: ["stack:write"], where: { on: "stacks", ids: Array.from({ length: 200 }, (_, i) => `stack-${i}`) } },
    ],
  };

  it("come back as they were written, and the API takes them", async () => {
    expect(readTree(writeTree(simple), about)).toEqual(simple);
    const empty: SimpleRole = { organization: { set: "", scopes: [] }, stacks: [] };
    expect(readTree(writeTree(empty), about)).toEqual(empty);
    const own = { ...simple, organization: { set: "", scopes: [] }, stacks: simple.stacks.map((part) => ({ ...part, set: "" })) };
    await newRole(world.admin, "Large", writeTree(own));
  });

  it.each([
    ["an unknown scope", allow("environment:read")],
    ["a role inside", compose("another-role")],
    ["two sets for the same stacks", { __type: "PermissionDescriptorGroup", entries: [compose("set1"), compose("set2")] }],
    ["rights on the organization under a condition", tagged("a", "b", allow("team:read"))],
    ["a condition inside a condition", tagged("a", "b", tagged("c", "d", allow("stack:read")))],
    ["another condition", negated],
    ["further members", { ...allow("stack:read"), note: 1 }],
    ["no object", null],
    ["a list", []],
  ])("do not include %s", (_, tree) => {
    expect(readTree(tree, about)).toBeUndefined();
  });
});
