import { exports } from "cloudflare:workers";
import { beforeEach, expect, inject, it } from "vitest";
import { orgPermissions } from "../../src/access/permissions.ts";
import { ok } from "../support/client.ts";
import { type NewToken, type World, newOrgToken, newStack, newTeam, newWorld } from "../support/world.ts";
import { allowing, exchanged, newIdp, ofPerson } from "../oidc/support/idp.ts";
import { allow, newRoleId } from "../roles/roles.ts";
import { type Call, type Held, callsOf, labelOf } from "./sequences/calls.ts";
import { type Cells, HOME, UNLIMITED, rightsOf } from "./sequences/rights.ts";
import { type Rows, keyOf, putBack, readRows } from "./sequences/tables.ts";

/**
 * No sequence of calls gives anybody a right that the caller does not have: not the caller, not what the caller made, and no one else. The search
 * tries each call in each state that it reaches, the shortest sequences first, and then sequences at random.
 */
const LONGEST = 4;
/** Maximum number of calls in each half of a search. */
const CALLS = inject("sizes").sequenceCalls;

let world: World;
beforeEach(async () => {
  world = await newWorld();
  const { admin } = world;
  await ok("PATCH", "/api/orgs/acme", { token: admin, json: { setDefaultStackPermission: 101, setMembersCanDeleteStacks: false } });
  for (const stack of ["dev", "prod"]) await newStack(admin, "web", stack);
  await ok("POST", "/api/stacks/acme/web/prod/tags", { token: admin, json: { name: "env", value: "prod" } });
  await newRoleId(admin, "reader", allow("stack:read"));
  const writer = await newRoleId(admin, "writer", allow("stack:read", "stack:write"));
  for (const team of ["weak", "strong"]) await newTeam(world, team);
  await ok("POST", `/api/orgs/acme/teams/strong/roles/${writer}`, { token: admin });
  await ok("PATCH", "/api/orgs/acme/teams/strong", {
    token: admin,
    json: { addStackPermission: { projectName: "web", stackName: "dev", permission: 103 } },
  });
  await ok("POST", "/api/orgs/acme/teams/strong/tokens", { token: admin, json: { name: "of-strong" } });
});

const OF_MEMBERS = ["team:read", "stack:read", "stack:export", "stack:encrypt", "stack:decrypt", "stack:preview", "stack_access:read"];
const OF_CLERKS = orgPermissions.filter((right) => /^(role|team|invites|org_member:(add|update|delete)|organization:update)/.test(right));
const own = (...scopes: string[]) => newRoleId(world.admin, "own", allow(...scopes));
const heldAs = (name: string, { id, tokenValue }: { id: string; tokenValue: string }): Held => ({ name, value: tokenValue, id });
const machine = async (more: object) => heldAs("token", await newOrgToken(world, "token", { mayRotateItself: true, ...more }));
const clerk = async (more: object = {}) => machine({ roleID: await own(...OF_MEMBERS, ...OF_CLERKS), ...more });

/** Makes mel a member who has no rights but those of a team. */
async function narrowMel(role: string) {
  await ok("PATCH", "/api/orgs/acme/members/mel", { token: world.admin, json: { fgaRoleId: role } });
  return { name: "mel", value: world.member };
}
const inWeak = async (json: object) => ok("PATCH", "/api/orgs/acme/teams/weak", { token: world.admin, json });

const attackers: Record<string, () => Promise<Held>> = {
  "an organization token with the role Member": () => machine({}),
  ...(inject("long") && {
    "an organization token with the role Billing Manager": () => machine({ roleID: "billing-manager" }),
    "an organization token with the role Read Only": () => machine({ roleID: "read-only" }),
  }),
  "an organization token with the role Admin": () => machine({ admin: true }),
  "a token with the scopes of roles, teams, members and invitations": () => clerk(),
  "such a token that is limited to stacks": () => clerk({ stacks: [{ project: "web", stack: "dev" }] }),
  "such a token that is limited to a network and expires": () =>
    clerk({ ipAllowList: [`${HOME}/32`], expires: Math.floor(Date.now() / 1000) + 3600 }),
  "a token that may only change teams": async () => machine({ roleID: await own("team:list", "team:read", "team:update") }),
  "a token that may only change roles and assign them": async () =>
    machine({ roleID: await own("role:read", "role:update", "team:update", "org_member:update", "stack:read") }),
  "a token of a team": () => ofWeak(),
  "a token of a team with the scopes of roles, teams, members and invitations": async () => {
    const role = await own(...OF_CLERKS);
    await ok("POST", `/api/orgs/acme/teams/weak/roles/${role}`, { token: world.admin });
    return ofWeak();
  },
  "a personal token from an exchange, of an administrator, that is limited to stacks": () =>
    exchangedOf("ada", { stacks: [{ project: "web", stack: "dev" }] }),
  ...(inject("long") && { "a personal token from an exchange, of an administrator": () => exchangedOf("ada") }),
  "the administrator of a team": async () => {
    const mel = await narrowMel(await own());
    await inWeak({ member: "mel", memberAction: "add" });
    await inWeak({ member: "mel", memberAction: "promote" });
    await inWeak({ addStackPermission: { projectName: "web", stackName: "dev", permission: 102 } });
    return mel;
  },
  "a member with the scopes of roles, teams, members and invitations": async () => narrowMel(await own(...OF_MEMBERS, ...OF_CLERKS)),
};

async function ofWeak(): Promise<Held> {
  const json = { name: "token", mayRotateItself: true };
  return heldAs("token", await ok<NewToken>("POST", "/api/orgs/acme/teams/weak/tokens", { token: world.admin, json }));
}

async function exchangedOf(login: string, more: object = {}): Promise<Held> {
  const idp = await newIdp(world, [{ ...allowing({ tokenType: "personal" }), userLogin: login, ...more }]);
  const { access_token: tokenValue } = await exchanged(await idp.token(), ofPerson(login));
  const sessions = `/api/orgs/acme/oidc/issuers/${idp.id}/sessions`;
  const { sessions: known } = await ok<{ sessions: { id: string }[] }>("GET", sessions, { token: world.admin });
  return heldAs("token", { id: known[0]!.id, tokenValue });
}

interface State {
  rows: Rows;
  held: Held[];
  trail: string[];
}

it.each(Object.entries(attackers))("%s gives nobody more rights than it has", { timeout: 7_200_000 }, async (who, make) => {
  const attacker = await make();
  const search = new Search(attacker, { name: "gus", value: world.stranger });
  const report = await search.run();
  console.log(`${who}: ${JSON.stringify(report)}`);
  expect(report.accepted).toBeGreaterThan(0);
});

class Search {
  readonly #attacker: Held;
  readonly #outsider: Held;
  readonly #random = randomly(inject("seed"));
  readonly #seen = new Set<string>();
  /** Calls that were forbidden in the first state. Most of them are so in each state. */
  readonly #forbidden = new Set<string>();
  #before = new Map<string, Cells>();
  #may: Cells = new Set();
  #atFirst!: Rows;
  #calls = 0;
  #accepted = 0;
  /** The state that the database is in. */
  #now: State | undefined;

  constructor(attacker: Held, outsider: Held) {
    this.#attacker = attacker;
    this.#outsider = outsider;
  }

  async run() {
    const rows = await readRows();
    const first: State = { rows, held: [this.#attacker], trail: [] };
    const { id, name } = this.#attacker;
    const token = rows.access_tokens.find((row) => (id ? row["id"] === id : row["user_id"] === userIdOf(rows, name)))!;
    this.#atFirst = rows;
    this.#now = first;
    this.#before = await rightsOf(living(rows), rows);
    this.#may = mayGive(this.#before.get(String(token["id"]))!, token);
    this.#seen.add(keyOf(rows));
    const exhausted = await this.#inOrder(first);
    if (exhausted < LONGEST) for (const end = this.#calls + CALLS; this.#calls < end;) await this.#walk(first, end);
    return { calls: this.#calls, accepted: this.#accepted, states: this.#seen.size, exhausted };
  }

  /** Tries all calls alone, and longer sequences as far as there are calls. @returns the length up to which all sequences have been tried */
  async #inOrder(first: State): Promise<number> {
    let level = [first];
    for (let length = 1; length <= LONGEST; length++) {
      const next: State[] = [];
      for (const state of level) {
        for (const call of shuffled(this.#callsIn(state), this.#random)) {
          if (length > 1 && this.#calls >= CALLS) return length - 1;
          const known = this.#seen.size;
          const reached = await this.#try(state, call);
          if (reached && this.#seen.size > known) next.push(reached);
        }
      }
      if (next.length === 0) return LONGEST;
      level = next;
    }
    return LONGEST;
  }

  async #walk(first: State, end: number): Promise<void> {
    let state = first;
    for (let length = 1; length <= LONGEST; length++) {
      let reached: State | undefined;
      const calls = shuffled(this.#callsIn(state), this.#random);
      const isForbidden = (call: Call) => this.#forbidden.has(labelOf(call, state.rows));
      for (const call of [...calls.filter((one) => !isForbidden(one)), ...calls.filter(isForbidden)]) {
        if (this.#calls >= end) return;
        reached = await this.#try(state, call);
        if (reached) break;
      }
      if (!reached) return;
      state = reached;
    }
  }

  /** The calls that the holder of all the attacker's credentials can make. */
  #callsIn({ held, rows }: State): Call[] {
    const acme = rows.organizations.find(({ name }) => name === "acme")!["id"];
    const isIn = rows.members.some(({ org_id, user_id }) => org_id === acme && user_id === userIdOf(rows, this.#outsider.name));
    const isUsable = (id: string) => rows.access_tokens.some((row) => row["id"] === id && isValid(row));
    const callers = held.filter(({ id }) => !id || isUsable(id));
    return callsOf(isIn ? [...callers, this.#outsider] : callers, this.#outsider, rows);
  }

  /** @returns the state that the call has reached; undefined for a call that was refused */
  async #try(state: State, call: Call): Promise<State | undefined> {
    if (this.#now !== state) await putBack(state.rows);
    this.#now = state;
    this.#calls++;
    const { by, method, path, json, makes } = call;
    const response = await exports.default.fetch(`https://stackpass.test${path}`, {
      method,
      headers: { "Content-Type": "application/json", "CF-Connecting-IP": HOME, Authorization: `token ${by.value}` },
      ...(json !== undefined && { body: JSON.stringify(json) }),
    });
    const text = await response.text();
    const label = labelOf(call, state.rows);
    expect([401, 429, 500, 503], `${label}: ${text}`).not.toContain(response.status);
    if (response.status === 403 && state.trail.length === 0) this.#forbidden.add(label);
    if (!response.ok) return undefined;
    this.#accepted++;
    const rows = await readRows();
    const made = makes ? (JSON.parse(text) as NewToken) : undefined;
    const reached = {
      rows,
      held: made ? [...state.held, heldAs(makes!, made)] : state.held,
      trail: [...state.trail, label],
    };
    const key = keyOf(rows);
    if (!this.#seen.has(key)) await this.#judge(reached);
    this.#seen.add(key);
    this.#now = reached;
    return reached;
  }

  async #judge({ rows, trail }: State): Promise<void> {
    const why = trail.join("\n");
    expect(administrators(rows), why).toEqual(administrators(this.#atFirst));
    for (const [id, cells] of await rightsOf(living(rows), rows)) {
      const before = this.#before.get(id);
      const token = rows.access_tokens.find((row) => row["id"] === id)!;
      const who = String(token["name"] || rows.users.find((row) => row["id"] === token["user_id"])?.["login"]);
      if (token["kind"] === "organization" && !before) {
        const first = rows.access_tokens.find((row) => row["id"] === token["family_id"]);
        expect(first?.["name"], `${why}\nmade the organization token ${who}`).toBe(this.#attacker.name);
      }
      const gained = [...cells].filter((cell) => !before?.has(cell) && !this.#may.has(cell));
      expect(gained, `${why}\ngives ${who} rights that the caller does not have`).toEqual([]);
    }
  }
}

const isValid = (row: Rows["access_tokens"][number]) =>
  row["deleted_at"] === null && row["disabled_at"] === null && (row["retires_at"] === null || Number(row["retires_at"]) > Date.now());
const living = (rows: Rows) => rows.access_tokens.filter((row) => row["deleted_at"] === null).map((row) => String(row["id"]));
const userIdOf = (rows: Rows, login: string) => rows.users.find((row) => row["login"] === login)!["id"];
const administrators = (rows: Rows) =>
  [...rows.members, ...rows.invites.filter(({ status }) => status === "pending")]
    .filter(({ role }) => role === "admin")
    .map((row) => `${row["org_id"]} ${row["user_id"]}`)
    .toSorted();

/** The rights that the attacker may give: its own. */
function mayGive(cells: Cells, { kind, role, role_id, issuer_id }: Rows["access_tokens"][number]): Cells {
  const may = new Set(cells);
  // The limits of a token also limit what it makes. A person has no such limits, unless a pipeline holds the token.
  if (kind === "personal" && issuer_id === null) for (const cell of UNLIMITED) may.add(cell);
  // A machine that may do everything else to a stack can copy it and delete it. So the right to let a person move the stack adds nothing.
  for (const cell of cells) if (cell.startsWith("stack:delete on ")) may.add(cell.replace("stack:delete", "stack:transfer"));
  // A token with the role Admin may give the role Member, which includes that right.
  if (kind === "organization" && role === "admin" && role_id === null) may.add("stack:transfer on acme");
  return may;
}

/** @returns numbers from 0 to 1, the same for the same seed */
function randomly(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

function shuffled<T>(list: T[], random: () => number): T[] {
  return list
    .map((item) => ({ item, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
