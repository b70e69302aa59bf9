import { env } from "cloudflare:workers";
import { beforeEach, expect, it, onTestFinished } from "vitest";
import { shown, signIn } from "../support/browser.ts";
import { ok } from "../support/client.ts";
import { SamlIdp } from "../sso/support/samlIdp.ts";
import { type World, newWorld } from "../support/world.ts";

const HERE = "/acme/~/sso";
let world: World;
let admin: Awaited<ReturnType<typeof signIn>>;
beforeEach(async () => {
  world = await newWorld();
  admin = await signIn(world.admin);
});

interface Connection {
  id: string;
  name: string;
  enabled: boolean;
  allowedDomains: string[];
  groupMappings: object[];
}
const connections = async () =>
  (await ok<{ connections: Connection[] }>("GET", "/api/orgs/acme/sso/connections", { token: world.admin })).connections;
/** GitHub needs no discovery document. */
const github = { do: "create", kind: "github", name: "GitHub", clientId: "client", clientSecret: "a-secret" };
const saved = async (form: Record<string, string>) => expect((await admin.post(HERE, form)).status).toBe(303);

it("adds and changes a connection, and never shows its secret", async () => {
  expect(await shown(admin.get(HERE))).toContain("There is no connection");
  await saved({ ...github, allowedDomains: "acme.example, acme.test" });
  const [{ id }] = (await connections()) as [Connection];
  const page = await shown(admin.get(`${HERE}?connection=${id}`));
  expect(page).toContain("acme.example acme.test");
  expect(page).not.toContain("a-secret");
  await saved({ do: "update", connection: id, name: "Renamed", clientId: "client", enabled: "no" });
  expect(await connections()).toMatchObject([{ name: "Renamed", enabled: false, allowedDomains: [] }]);
});

it("deletes a connection only if its name was typed", async () => {
  await saved(github);
  const [{ id }] = (await connections()) as [Connection];
  for (const confirmation of ["", "github", "<b>"])
    expect(await shown(admin.post(HERE, { do: "delete", connection: id, confirmation }), 400)).toContain("type the name of the connection");
  expect(await connections()).toHaveLength(1);
  await saved({ do: "delete", connection: id, confirmation: "GitHub" });
  expect(await connections()).toEqual([]);
});

it("adds and removes a domain, and shows the record that proves it", async () => {
  await saved({ do: "add-domain", domain: "acme.example" });
  expect(await shown(admin.get(HERE))).toContain("_stackpass-challenge.acme.example");
  await saved({ do: "remove-domain", domain: "acme.example" });
  expect(await shown(admin.get(HERE))).not.toContain("acme.example ");
});

it.each([
  [{ ...github, clientSecret: "" }],
  [{ ...github, name: "" }],
  [{ ...github, groupMappings: "no sign" }],
  [{ do: "update", connection: "nowhere", name: "x", clientId: "x" }],
  [{ do: "delete", connection: "nowhere", confirmation: "x" }],
  [{ do: "add-domain", domain: "<script>" }],
  [{ do: "settings", required: "people", reauthDays: "soon", sessionHours: "12", emergencyAdmins: "ada" }],
  [{ do: "settings", required: "people", reauthDays: "30", sessionHours: "12", emergencyAdmins: "" }],
  [{ do: "explode" }],
  [{}],
])("says what is wrong with the form %j, and changes nothing", async (form) => {
  const { status } = await admin.post(HERE, form as Record<string, string>);
  expect(status).toBeGreaterThanOrEqual(400);
  expect(status).toBeLessThan(500);
  expect(await connections()).toEqual([]);
});

it("is for administrators", async () => {
  const mel = await signIn(world.member);
  await shown(mel.get(HERE), 403);
  expect((await mel.post(HERE, github)).status).toBe(403);
  expect(await connections()).toEqual([]);
});

it("adds and changes a connection by SAML, with the addresses to register and without showing the metadata", async () => {
  expect(await shown(admin.get(HERE))).toContain('href="?kind=saml"');
  const page = await shown(admin.get(`${HERE}?kind=saml`));
  expect(page).toContain("https://stackpass.test/login/acme/sso/saml/acs");
  const idp = await SamlIdp.start();
  const form = { do: "create", kind: "saml", name: "Entra", metadata: idp.metadata(), allowedDomains: "acme.example", idpInitiated: "no" };
  expect(await shown(admin.post(HERE, { ...form, metadata: "<a/>" }), 400)).toContain("exactly one identity provider");
  // The metadata of a real provider have 70,000 characters.
  await saved({ ...form, metadata: idp.metadata({ extra: `<!--${"x".repeat(100_000)}-->` }) });
  const [connection] = await connections();
  expect(connection).toMatchObject({ kind: "saml", name: "Entra", saml: { idpInitiated: false }, allowedDomains: ["acme.example"] });
  const change = { ...form, do: "update", connection: connection!.id, metadata: "", idpInitiated: "yes", name: "Entra 2" };
  expect(await shown(admin.get(`${HERE}?connection=${connection!.id}`))).toContain("whose last certificate expires on");
  await saved(change);
  expect(await connections()).toMatchObject([{ name: "Entra 2", saml: { idpInitiated: true, ssoUrl: idp.ssoUrl } }]);
});

it("says how to add the second Worker, where there is none", async () => {
  const bindings = env as unknown as { SAML?: unknown };
  const { SAML } = bindings;
  onTestFinished(() => void (bindings.SAML = SAML));
  delete bindings.SAML;
  for (const path of [HERE, `${HERE}?kind=saml`]) {
    const page = await shown(admin.get(path));
    expect(page).toContain("npm run deploy -- --saml");
    expect(page).not.toContain("Metadata of the identity provider");
  }
});
