/** The built Worker with two organizations, each with every kind of data and of credential. */
import { randomBytes } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundle, startBuilt } from "../../scripts/built.ts";
import { type DevCredentials, prepare, secretsFile } from "../../scripts/prepare.ts";
import { mustWrangle } from "../../scripts/wrangler.ts";
import { newTokenValue } from "../../src/auth/secret.ts";
import { bodies } from "./bodies.ts";
import { makeThings } from "./things.ts";

export type Org = "acme" | "globex";

/** A credential of a caller. */
export interface Credential {
  name: string;
  headers: Record<string, string>;
  /** `token`: a valid access token. `lease`: a valid lease. `bad`: any other. */
  kind: "token" | "lease" | "bad";
  /** The organization whose data it may see. */
  of?: Org;
}

export interface World {
  url: string;
  credentials: Credential[];
  /** Names and ids of existing objects that members of acme know, by parameter. */
  known: Record<string, string[]>;
  /** A text in all data of an organization. No request contains it. */
  canaries: Record<Org, string>;
  stop: () => Promise<void>;
}

/** The beginning of every world: tables, users and the bundle. It is created once and copied for each world. */
export interface Template {
  folder: string;
  credentials: DevCredentials;
  expired: string;
  team: string;
  canaries: Record<Org, string>;
}

const canaryOf = (org: Org) => `kanari-${org}-${randomBytes(6).toString("hex")}`;

export async function newTemplate(): Promise<Template> {
  const folder = mkdtempSync(join(tmpdir(), "stackpass-fuzz-"));
  const credentials = await prepare(folder, "");
  bundle(join(folder, "bundle"));
  const canaries = { acme: canaryOf("acme"), globex: canaryOf("globex") };
  const pepper = /^TOKEN_PEPPER=(.*)$/m.exec(readFileSync(secretsFile(folder), "utf8"))![1]!;
  const [expired, team] = [await newTokenValue([pepper]), await newTokenValue([pepper])];
  const org = (name: string) => `(SELECT id FROM organizations WHERE name = '${name}')`;
  // No route creates these: an expired token, a team token, and a user whose names are canaries.
  const lines = [
    `INSERT INTO access_tokens (id, kind, user_id, name, description, hash, created_at, created_by, expires_at) VALUES
      ('expired', 'personal', (SELECT id FROM users WHERE login = 'mel'), '', '', '${expired.hash}', 1, 'mel', 2);`,
    `INSERT INTO access_tokens (id, kind, org_id, team, name, description, hash, created_at, created_by) VALUES
      ('team', 'team', ${org("acme")}, 'platform', 'team-platform', '', '${team.hash}', 1, 'ada');`,
    ...(["acme", "globex"] as const).flatMap((name) => [
      `UPDATE organizations SET display_name = '${canaries[name]}' WHERE name = '${name}';`,
      `INSERT INTO users (id, login, name, email, created_at) VALUES ('${name}-c', '${canaries[name]}', '${canaries[name]}', '${canaries[name]}@example.org', 1);`,
      `INSERT INTO members (org_id, user_id, role, created_at) VALUES (${org(name)}, '${name}-c', 'member', 1);`,
    ]),
  ];
  const file = join(folder, "fuzz.sql");
  writeFileSync(file, `${lines.map((line) => line.replaceAll(/\s+/g, " ")).join("\n")}\n`);
  mustWrangle(["d1", "execute", "DB", "--local", "--persist-to", folder, "--yes", "--file", file]);
  return { folder, credentials, expired: expired.value, team: team.value, canaries };
}

/** Limits for valid credentials are off: the fuzzer would exceed them, and a 429 hides the real answer. */
const unlimited = {
  TOKEN_REQUESTS: "off",
  ORGANIZATION_REQUESTS: "off",
  TOKEN_IMPORTS: "off",
  ORGANIZATION_IMPORTS: "off",
  TOKEN_BYTES_PER_MINUTE: String(1e12),
  ORGANIZATION_BYTES_PER_MINUTE: String(1e12),
};

/** @param said receives the lines that the Worker logs */
export async function newWorld(template: Template, said: (line: string) => void): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), "stackpass-fuzz-"));
  cpSync(template.folder, folder, { recursive: true });
  const { url, stop } = await startBuilt(join(folder, "bundle"), folder, 0, unlimited, undefined, said);
  const { acme, globex } = template.credentials.organizations as Record<Org, Record<string, string>>;
  const [here, there] = [await furnish(url, "acme", acme["admin"]!, template), await furnish(url, "globex", globex["admin"]!, template)];
  const things = await makeThings("acme", client(url, acme["admin"]!), template.canaries.acme, "ada", "mel");
  await makeThings("globex", client(url, globex["admin"]!), template.canaries.globex, "gus");
  const asAdmin = client(url, acme["admin"]!);
  const make = async (name: string, more = {}) =>
    (await asAdmin("POST", "/api/orgs/acme/tokens", { name, ...more })) as { id: string; tokenValue: string };
  const [machine, admin, deleted, disabled, limited] = [
    await make("machine"),
    await make("admin-machine", { admin: true, mayRotateItself: true }),
    await make("deleted"),
    await make("disabled"),
    await make("limited", { stacks: [{ project: "web", stack: "dev", access: "read" }] }),
  ];
  await asAdmin("DELETE", `/api/orgs/acme/tokens/${deleted.id}`);
  await asAdmin("POST", `/api/orgs/acme/tokens/${disabled.id}/disable`);
  const personal = (await client(url, acme["member"]!)("POST", "/api/user/tokens", {})) as { id: string; tokenValue: string };
  const token = (name: string, value: string, kind: Credential["kind"] = "token"): Credential => ({
    name,
    headers: { Authorization: `token ${value}` },
    kind,
    ...(kind === "token" && { of: "acme" as const }),
  });
  const session = await signIn(url, acme["admin"]!);
  const { sessions } = (await asAdmin("GET", "/api/user/sessions")) as { sessions: { id: string }[] };
  return {
    url,
    canaries: template.canaries,
    credentials: [
      token("admin", acme["admin"]!),
      token("member", acme["member"]!),
      token("personal", personal.tokenValue),
      token("organization", machine.tokenValue),
      token("admin organization", admin.tokenValue),
      token("limited organization", limited.tokenValue),
      token("team", template.team),
      token("team with a role", things.teamToken),
      token("exchanged organization", things.exchanged.organization),
      token("exchanged person", things.exchanged.person),
      token("exchanged limited person", things.exchanged.limitedPerson),
      { ...token("other organization's admin", globex["admin"]!), of: "globex" },
      { name: "lease", headers: { Authorization: `update-token ${here.lease}` }, kind: "lease", of: "acme" },
      { name: "other stack's lease", headers: { Authorization: `update-token ${there.lease}` }, kind: "lease", of: "globex" },
      token("deleted", deleted.tokenValue, "bad"),
      token("expired", template.expired, "bad"),
      token("disabled", disabled.tokenValue, "bad"),
      token("junk", `pul-${"0123456789".repeat(4)}`, "bad"),
      { name: "none", headers: {}, kind: "bad" },
      { name: "session cookie", headers: { Cookie: `__Host-stackpass=${session}` }, kind: "bad" },
      token("session as a token", session, "bad"),
    ],
    known: {
      ...things.known,
      ...here.known,
      orgName: ["acme", "acme", "acme", "globex"],
      tokenId: [machine.id, limited.id, personal.id, "team", ...things.known["tokenId"]!],
      userLogin: ["mel", "ada", "gus"],
      sessionId: sessions.map(({ id }) => id),
      source: ["pulumi"],
      publisher: ["pulumi"],
      name: ["random"],
      updateID: [...here.known["updateID"]!, ...there.known["updateID"]!],
    },
    stop: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Signs a browser in. @returns the cookie's value */
export async function signIn(url: string, personalToken: string): Promise<string> {
  const response = await fetch(`${url}/signin`, {
    method: "POST",
    headers: { "Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded" },
    body: `token=${personalToken}`,
    redirect: "manual",
  });
  const value = /__Host-stackpass=([^;]+)/.exec(response.headers.get("Set-Cookie") ?? "")?.[1];
  if (!value) throw new Error(`no session: ${response.status}`);
  return value;
}

const client =
  (url: string, token: string) =>
  async (method: string, path: string, body?: unknown, scheme = "token") => {
    const response = await fetch(url + path, {
      method,
      headers: { Authorization: `${scheme} ${token}`, "Content-Type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as unknown;
  };

/** Creates stacks, history, tags, outputs, invitations, tokens and audit rows with the organization's canary, and a running update. */
async function furnish(url: string, org: Org, token: string, { canaries }: Template) {
  const send = client(url, token);
  const mark = canaries[org];
  const S = `/api/stacks/${org}/web/dev`;
  await send("POST", `/api/stacks/${org}/web`, { stackName: "dev", tags: { note: mark } });
  await send("POST", `/api/stacks/${org}/web`, { stackName: "spare" });
  await send("POST", `/api/stacks/${org}/${mark}`, { stackName: mark });
  await send("POST", `${S}/import`, bodies.import(mark));
  await send("POST", `/api/orgs/${org}/tokens`, { name: mark.slice(0, 40), description: mark });
  await send("POST", `/api/orgs/${org}/invites/batch`, { invites: [{ email: `${mark}@example.org`, role: "member" }] });
  const { ciphertext } = (await send("POST", `${S}/encrypt`, { plaintext: btoa(mark) })) as { ciphertext: string };
  const start = async (kind: string) => {
    const { updateID } = (await send("POST", `${S}/${kind}`, bodies.create(mark))) as { updateID: string };
    const path = `${S}/update/${updateID}`;
    const { token: lease } = (await send("POST", path, { journalVersion: 1 })) as { token: string };
    return { updateID, path, lease, under: client(url, lease) };
  };
  const done = await start("update");
  await done.under("PATCH", `${done.path}/journalentries`, bodies.journal(mark), "update-token");
  await done.under("POST", `${done.path}/events/batch`, bodies.events(mark), "update-token");
  await done.under("POST", `${done.path}/complete`, { status: "succeeded" }, "update-token");
  const preview = await start("preview");
  await preview.under("POST", `${preview.path}/complete`, { status: "succeeded" }, "update-token");
  const running = await start("update");
  await running.under("POST", `${running.path}/events/batch`, bodies.events(mark), "update-token");
  return {
    lease: running.lease,
    known: {
      projectName: ["web"],
      stackName: ["dev", "dev", "spare"],
      updateID: [running.updateID, done.updateID, preview.updateID, "latest"],
      version: ["1", "2", "0", "latest"],
      ciphertext: [ciphertext],
      tagName: ["note"],
      urn: ["urn:pulumi:dev::web::pulumi:pulumi:Stack::web-dev"],
      tagValue: ["x"],
      organization: [org],
      project: ["web"],
    },
  };
}
