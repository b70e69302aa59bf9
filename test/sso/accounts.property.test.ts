import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { expect, inject, it } from "vitest";
import { freshBindings } from "../support/fresh.ts";
import { ok } from "../support/client.ts";
import { type World, newTeam, newWorld } from "../support/world.ts";
import { newScimToken, scimClient, userOf, good, patchOf } from "../scim/support/client.ts";
import { Browser, type Claims, type Connected, connect, prove } from "./support/idp.ts";

/**
 * Tests the whole Worker with random accounts, mappings and claims. Whatever a provider says, a person is a member, an administrator or in
 * a team afterwards only if that was so before, or if the claims and the settings of the organization allow it.
 */
const RUNS = inject("long") ? 300 : 8;
const DOMAINS = ["acme.example", "globex.example"];

/** The people of the world before the sign-in. `sub` is the subject of their identity at acme's provider, if they have one. */
const people = fc.record({
  /** The position in acme of a person whose account is linked with the subject `linked`. */
  linked: fc.constantFrom("stranger", "former", "member", "billing-manager", "admin", "admin by groups", "deactivated"),
  /** The position in acme of the person who proves an account with a token at a first sign-in. */
  prover: fc.constantFrom("stranger", "member", "invited", "deactivated"),
  proves: fc.constantFrom("new", "token", "foreign session"),
});
const claims = fc.record(
  {
    sub: fc.constantFrom("linked", "linked", "unknown", "gus", "mel"),
    email: fc.constantFrom("x@acme.example", "gus@globex.example", "mel@acme.example", "x@evil.example", ""),
    email_verified: fc.constantFrom<unknown>(true, true, false, "true", 1),
    preferred_username: fc.constantFrom("gus", "mel", "ada", "x@acme.example", "linked"),
    groups: fc.oneof(fc.subarray(["ops", "admins", "/ops"]), fc.constantFrom<unknown>("admins", null, 7)),
  },
  { requiredKeys: ["sub"] },
);
const settings = fc.record({
  allowedDomains: fc.subarray(DOMAINS),
  proven: fc.subarray(DOMAINS),
  groupClaim: fc.constantFrom("groups", "groups", ""),
  mappings: fc.subarray([
    { group: "ops", team: "sso" },
    { group: "admins", role: "admin" as const },
  ]),
});

const IN_ACME = "org_id = (SELECT id FROM organizations WHERE name = 'acme')";
const run = (sql: string, ...values: unknown[]) =>
  env.DB.prepare(sql)
    .bind(...values)
    .run();

interface Standing {
  role: string | null;
  inTeam: number;
  active: number | null;
}

/** The position of each account in acme, by login. */
async function standings(): Promise<Map<string, Standing>> {
  const { results } = await env.DB.prepare(
    `SELECT login, (SELECT role FROM members WHERE user_id = users.id AND ${IN_ACME}) AS role,
      EXISTS (SELECT 1 FROM team_members JOIN teams ON teams.id = team_id WHERE user_id = users.id AND teams.name = 'sso') AS inTeam,
      (SELECT active FROM scim_users WHERE user_id = users.id AND ${IN_ACME}) AS active FROM users`,
  ).all<Standing & { login: string }>();
  return new Map(results.map(({ login, ...standing }) => [login, standing]));
}

/** Makes the account `linked` with its identity, and its position in acme. */
async function makeLinked(world: World, acme: Connected, kind: string): Promise<void> {
  if (kind === "deactivated") {
    const scim = scimClient(await newScimToken(world, crypto.randomUUID()));
    const { id } = await good(scim, "POST", "/Users", userOf("linked", { externalId: "linked" }));
    await good(scim, "PATCH", `/Users/${id as string}`, patchOf({ op: "replace", value: { active: false } }));
  } else await run("INSERT INTO users (id, login, name, created_at) VALUES ('linked', 'linked', 'L', 0)");
  await run(
    `INSERT INTO identities (id, connection_id, org_id, issuer, subject, user_id, email, created_at, last_sign_in_at)
     SELECT 'i', id, org_id, issuer, 'linked', (SELECT id FROM users WHERE login = 'linked'), '', 0, 0 FROM connections WHERE id = ?`,
    acme.id,
  );
  const role = { member: "member", "billing-manager": "billing-manager", admin: "admin", "admin by groups": "admin" }[kind];
  if (role === undefined) return;
  await run(
    `INSERT INTO members (org_id, user_id, role, created_at, accepted_at, role_connection_id) SELECT id, 'linked', ?, 0, 1, ? FROM organizations WHERE name = 'acme'`,
    role,
    kind === "admin by groups" ? acme.id : null,
  );
}

/** Gives mel the position of the prover. */
async function makeProver(world: World, kind: string): Promise<void> {
  if (kind === "member") return;
  if (kind === "deactivated") {
    const scim = scimClient(await newScimToken(world, crypto.randomUUID()));
    const { id } = await good(scim, "POST", "/Users", userOf("mel", { externalId: "mel" }));
    await good(scim, "PATCH", `/Users/${id as string}`, patchOf({ op: "replace", value: { active: false } }));
    return;
  }
  await ok("DELETE", "/api/orgs/acme/members/mel", { token: world.admin });
  if (kind === "invited")
    await ok("POST", "/api/orgs/acme/invites/batch", {
      token: world.admin,
      json: { invites: [{ email: "mel@acme.example", role: "admin" }] },
    });
}

it("no claim that was not allowed makes a member, an administrator or a member of a team, whatever accounts there are", async () => {
  await fc.assert(
    fc.asyncProperty(people, claims, settings, async (who, said, by) => {
      await freshBindings();
      const world = await newWorld();
      await newTeam(world, "sso");
      const { allowedDomains, proven, groupClaim, mappings } = by;
      const acme = await connect(world, { allowedDomains, groupClaim, groupMappings: mappings });
      for (const domain of proven) await prove("acme", domain);
      await makeLinked(world, acme, who.linked);
      await makeProver(world, who.prover);
      const before = await standings();

      const browser = new Browser();
      if (who.proves === "foreign session") {
        // A session that the provider of another organization opened proves no account.
        const globex = await connect(world, {}, "globex", world.stranger);
        await browser.led(globex.idp.visit(browser, "/login/globex/sso", { claims: { sub: "g" } as Claims }));
        await browser.led(browser.post("/login/first", { as: "token", token: world.stranger }));
      }
      const answer = await acme.idp.visit(browser, "/login/acme/sso?next=%2Facme", { claims: said as Claims });
      const isFirst = answer.headers.get("Location") === "/login/first";
      const choice: Record<string, string> =
        who.proves === "token" ? { as: "token", token: world.member } : { as: who.proves === "new" ? "new" : "session" };
      if (isFirst) {
        const second = await browser.post("/login/first", choice);
        expect(second.status).not.toBe(500);
      } else expect([303, 403]).toContain(answer.status);

      const after = await standings();
      const email = typeof said.email === "string" ? said.email : "";
      const domain = email.split("@")[1] ?? "";
      const mayJoin = said.email_verified === true && allowedDomains.includes(domain) && proven.includes(domain);
      const groups: unknown[] = groupClaim === "" ? [] : Array.isArray(said.groups) ? said.groups : [said.groups];
      const gives = (one: object) =>
        mappings.some(
          (mapping) =>
            groups.includes(mapping.group) &&
            Object.entries(one).every(([name, value]) => (mapping as Record<string, unknown>)[name] === value),
        );
      for (const [login, is] of after) {
        const was = before.get(login) ?? { role: null, inTeam: 0, active: null };
        // Only one of these accounts may change: the account of the identity, a new one, or the one that was proved with its token.
        const isMine = said.sub === "linked" ? login === "linked" : !before.has(login) || (login === "mel" && who.proves === "token");
        if (!isMine) {
          expect([login, is]).toEqual([login, was]);
          continue;
        }
        if (is.role !== null && was.role === null) expect([login, mayJoin, is.active]).toEqual([login, true, null]);
        if (is.role === "admin" && was.role !== "admin") expect([login, gives({ role: "admin" })]).toEqual([login, true]);
        if (is.inTeam && !was.inTeam) expect([login, gives({ team: "sso" })]).toEqual([login, true]);
        // A deactivated account stays outside of the organization, whatever the provider says.
        if (was.active === 0) expect([login, is]).toEqual([login, was]);
      }
    }),
    { seed: inject("seed"), numRuns: RUNS, interruptAfterTimeLimit: 600_000 },
  );
});
