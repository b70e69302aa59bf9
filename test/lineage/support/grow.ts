import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { personSql } from "../../../scripts/identities.ts";
import { peppersOf } from "../../../src/auth/secret.ts";
import { newVisitor } from "../../support/browser.ts";
import { call, ok } from "../../support/client.ts";
import type { NewToken, World } from "../../support/world.ts";
import { Model, type Node, type Org, type Person } from "./model.ts";

/** Maximum depth of a chain that is grown. */
const DEEPEST = 5;
const orgs: Org[] = ["acme", "globex"];

/** One step: the actor, the action, and the organization. Each is a number, which is taken modulo the number of choices. */
export interface Step {
  actor: number;
  action: number;
  org: number;
}

let people = 0;
let names = 0;

/** A person with two tokens that an operator's command made. */
export async function newPerson(native: Org[]): Promise<{ person: Person; token: { id: string; value: string } }> {
  const login = `person-${people++}`;
  const { sql, userId, token } = await personSql(login, "", peppersOf(env.TOKEN_PEPPER), Date.now());
  const memberships = native.map(
    (org) =>
      `INSERT INTO members (org_id, user_id, role, created_at) VALUES ((SELECT id FROM organizations WHERE name = '${org}'), '${userId}', 'admin', 1)`,
  );
  await env.DB.batch([...sql.trim().split("\n"), ...memberships].map((line) => env.DB.prepare(line)));
  const id = (await env.DB.prepare("SELECT id FROM access_tokens WHERE user_id = ?").bind(userId).first<string>("id"))!;
  const probe = await ok<NewToken>("POST", "/api/user/tokens", { token });
  // This makes the second token look as if the operator's command had made it too.
  await env.DB.prepare("UPDATE access_tokens SET made_with = NULL WHERE id = ?").bind(probe.id).run();
  return { person: { login, probe: probe.tokenValue, native }, token: { id, value: token } };
}

export async function grow(world: World, steps: Step[]): Promise<Model> {
  const model = new Model();
  await join(model, orgs);
  for (const step of steps) {
    model.at++;
    const actors = model.nodes.filter((node) => node.value !== "" && node.endedAt === undefined && model.depthOf(node) < DEEPEST);
    // Half of the actors are among the newest credentials, so that chains become long.
    const actor = step.actor % 2 ? actors.at(-1 - (step.actor % Math.min(actors.length, 3)))! : actors[step.actor % actors.length]!;
    const possible = actionsOf(model, world, actor, orgs[step.org % orgs.length]!);
    await possible[step.action % possible.length]?.();
  }
  return model;
}

/** A new person arrives, with a credential that no credential of the tree made. */
async function join(model: Model, native: Org[]): Promise<Person> {
  const { person, token } = await newPerson(native);
  model.add({ kind: "personal", ...token, person });
  return person;
}

function actionsOf(model: Model, world: World, actor: Node, wanted: Org): (() => Promise<void>)[] {
  if (actor.kind === "organization") return actor.admin ? ofPeople(model, actor, actor.org!, "member") : [() => rotateItself(model, actor)];
  const own =
    actor.kind === "session" ? [() => mintPersonal(model, actor)] : [() => mintPersonal(model, actor), () => signIn(model, actor)];
  if (!model.isAdmin(actor.person!, wanted)) return own;
  return [
    ...own,
    ...ofPeople(model, actor, wanted, "admin"),
    () => mintMachine(model, actor, wanted, { mayRotateItself: true }),
    () => mintMachine(model, actor, wanted, { admin: true }),
    ...(actor.kind === "personal" ? [() => rotate(model, actor, wanted), () => remove(model, world, wanted)] : []),
  ];
}

const ofPeople = (model: Model, actor: Node, org: Org, role: string) => [
  () => invite(model, actor, org, role, false),
  () => invite(model, actor, org, role, true),
  () => add(model, actor, org, role),
];

async function mintPersonal(model: Model, actor: Node): Promise<void> {
  const made =
    actor.kind === "session"
      ? await fromConsole(actor, "/user/settings/tokens", { description: `${names++}`, expiry: "never" })
      : await ok<NewToken>("POST", "/api/user/tokens", { token: actor.value });
  const id = made.id || (await newestOf(actor.person!, "tokens"));
  model.add({ kind: "personal", id, value: made.tokenValue, parent: actor, person: actor.person });
}

async function signIn(model: Model, actor: Node): Promise<void> {
  const response = await newVisitor().post("/signin", { token: actor.value });
  const cookie = response.headers.getSetCookie()[0]!.split(";")[0]!;
  model.add({ kind: "session", id: await newestOf(actor.person!, "sessions"), value: cookie, parent: actor, person: actor.person });
}

async function mintMachine(model: Model, actor: Node, org: Org, more: { admin?: boolean; mayRotateItself?: boolean }): Promise<void> {
  const name = `machine-${names++}`;
  const form = { name, expiry: "never", roleID: more.admin ? "admin" : "member", mayRotateItself: more.mayRotateItself ? "yes" : "" };
  const made =
    actor.kind === "session"
      ? await fromConsole(actor, `/${org}/~/tokens/new`, form)
      : await ok<NewToken>("POST", `/api/orgs/${org}/tokens`, { token: actor.value, json: { name, ...more } });
  model.add({ kind: "organization", id: made.id, value: made.tokenValue, parent: actor, org, admin: more.admin ?? false });
}

async function rotateItself(model: Model, actor: Node): Promise<void> {
  const overlap = (actor.at % 2) * 3600;
  const response = await call("POST", "/api/user/token/rotate", { token: actor.value, json: { overlap } });
  // The token's predecessor may still be valid, or the token may already have a successor.
  if (response.status === 409) return;
  expect(response.status).toBe(200);
  const made = await response.json<NewToken>();
  model.add({ kind: "organization", id: made.id, value: made.tokenValue, parent: actor, org: actor.org, replaces: actor });
  if (overlap === 0) actor.endedAt = model.at;
}

/** An administrator rotates a token. The successor descends from the administrator and not from the token. */
async function rotate(model: Model, actor: Node, org: Org): Promise<void> {
  const old = model.nodes.find((node) => node.kind === "organization" && node.org === org && node.endedAt === undefined && node !== actor);
  if (!old) return;
  const response = await call("POST", `/api/orgs/${org}/tokens/${old.id}/rotate`, { token: actor.value, json: {} });
  if (response.status === 409) return;
  expect(response.status).toBe(200);
  const made = await response.json<NewToken>();
  model.add({ kind: "organization", id: made.id, value: made.tokenValue, parent: actor, org, admin: old.admin, replaces: old });
  old.endedAt = model.at;
}

async function invite(model: Model, actor: Node, org: Org, role: string, accepted: boolean): Promise<void> {
  let id: string;
  if (actor.kind === "session") {
    expect((await newVisitor(actor.value).post(`/${org}/~/members/invites`, { role })).status).toBe(303);
    id = (await env.DB.prepare("SELECT id FROM invites ORDER BY rowid DESC LIMIT 1").first<string>("id"))!;
  } else id = (await ok<{ id: string }>("POST", `/api/orgs/${org}/invites/link`, { token: actor.value, json: { role } })).id;
  if (!accepted) {
    model.add({ kind: "invitation", id, parent: actor, org });
    return;
  }
  const person = await join(model, []);
  await ok("PATCH", `/api/orgs/${org}/invites/${id}`, { token: person.probe });
  model.add({ kind: "membership", id: person.login, parent: actor, person, org, admin: role === "admin" });
}

/** Half of the people are administrators of the other organization. */
async function add(model: Model, actor: Node, org: Org, role: string): Promise<void> {
  const person = await join(model, model.at % 2 ? [] : orgs.filter((other) => other !== org));
  if (actor.kind === "session")
    expect((await newVisitor(actor.value).post(`/${org}/~/members`, { login: person.login, role })).status).toBe(303);
  else await ok("POST", `/api/orgs/${org}/members/${person.login}`, { token: actor.value, json: { role } });
  model.add({ kind: "membership", id: person.login, parent: actor, person, org, admin: role === "admin" });
}

/** Another person removes the newest member; what the member made stays. */
async function remove(model: Model, world: World, org: Org): Promise<void> {
  const membership = model.nodes.findLast((node) => node.kind === "membership" && node.org === org && node.endedAt === undefined);
  if (!membership) return;
  const token = org === "acme" ? world.admin : world.stranger;
  await ok("DELETE", `/api/orgs/${org}/members/${membership.person!.login}`, { token });
  membership.endedAt = model.at;
  for (const node of model.nodes)
    if (node.kind === "invitation" && node.org === org && node.parent?.person === membership.person) node.endedAt ??= model.at;
}

const newestOf = async (person: Person, what: "tokens" | "sessions") => {
  const list = await ok<Record<string, { id: string }[]>>("GET", `/api/user/${what}?maxResults=1`, { token: person.probe });
  return list[what]![0]!.id;
};

/** Makes a token in a console session: it sends the form, and opens the page that shows the value once. */
async function fromConsole(session: Node, path: string, form: Record<string, string>): Promise<NewToken> {
  const response = await newVisitor(session.value).post(path, form);
  expect(response.status, await response.clone().text()).toBe(303);
  const once = response.headers.getSetCookie()[0]!.split(";")[0]!;
  const shown = await newVisitor(`${session.value}; ${once}`).get(response.headers.get("Location")!);
  const tokenValue = /pul-[0-9a-f]{40}/.exec(await shown.text())![0];
  return { id: /tokens\/([^/]+)\/value/.exec(response.headers.get("Location")!)?.[1] ?? "", tokenValue };
}
