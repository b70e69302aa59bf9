import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { ok, refused } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, newStack, newWorld } from "../support/world.ts";

let world: World;
beforeEach(async () => {
  world = await newWorld();
  for (const stack of ["dev", "prod"]) await newStack(world.member, "web", stack);
});

const FOREIGN = "cannot import deployment with encrypted secrets from a different stack";
const at = (stack: string) => `/api/stacks/acme/web/${stack}`;
const encrypt = async (stack: string) =>
  (await ok<{ ciphertext: string }>("POST", `${at(stack)}/encrypt`, { token: world.member, json: { plaintext: btoa("hunter2") } }))
    .ciphertext;
const secret = (ciphertext: unknown) => ({ "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext });
const service = (stack: string) => ({ type: "service", state: { url: "https://api.example.com", owner: "acme", project: "web", stack } });
const resource = (inputs: unknown) => ({ urn: "urn:pulumi:dev::web::a:b:C::x", custom: false, type: "a:b:C", inputs });
const state = (secrets_providers: unknown, ...inputs: unknown[]) => ({
  version: 3,
  deployment: { secrets_providers, resources: inputs.map(resource) },
});
const takes = (stack: string, json: unknown) => ok("POST", `${at(stack)}/import`, { token: world.member, json });

describe("a state whose secrets another stack keeps", () => {
  it("is refused, and nothing is left of it", async () => {
    const json = state(service("dev"), {}, { deep: [{ x: secret(await encrypt("dev")) }] });
    const events = await eventsOf(() =>
      changesNothing(async () => expect(await refused(400, "POST", `${at("prod")}/import`, { token: world.member, json })).toBe(FOREIGN)),
    );
    expect(events).toEqual([]);
    await takes("dev", json);
  });

  it("is refused whatever the order of its text, with one such secret among others, and in a pending operation", async () => {
    const [own, foreign] = [await encrypt("prod"), await encrypt("dev")];
    const provider = service("dev");
    for (const deployment of [
      { resources: [resource({ a: secret(foreign) })], secrets_providers: provider },
      { secrets_providers: provider, resources: [resource({ a: secret(own), b: secret(foreign) })] },
      { secrets_providers: provider, pending_operations: [{ resource: resource({ a: secret(foreign) }), type: "creating" }] },
      { secrets_providers: provider, resources: [resource({ a: secret("no base64!") })] },
      { secrets_providers: { type: "service" }, resources: [resource({ a: secret(foreign) })] },
    ])
      expect(await refused(400, "POST", `${at("prod")}/import`, { token: world.member, json: { version: 3, deployment } })).toBe(FOREIGN);
  });

  it("is taken when there are no secrets in it", async () => {
    await takes("prod", state(service("dev"), { password: "1b47061264138c4ac30d75fd1eb44270", ciphertext: "AAAA" }));
  });

  it("is taken when the secrets are this stack's own: its name has changed since", async () => {
    const json = state(service("dev"), { password: secret(await encrypt("dev")) });
    await ok("POST", `${at("dev")}/rename`, { token: world.member, json: { newName: "staging", newProject: "" } });
    await takes("staging", json);
  });
});

it("secrets of another provider, and states that name this stack, are not checked", async () => {
  const foreign = await encrypt("dev");
  await takes("prod", state({ type: "passphrase", state: { salt: "v1:x" } }, { a: secret("v1:abc") }));
  await takes("prod", state(service("prod"), { a: secret(foreign) }));
  await takes("prod", state(null, { a: secret(foreign) }));
});

it("a state nested as deep as its sender likes is looked at all the same", async () => {
  const deep = `${"[".repeat(5000)}${JSON.stringify(secret(await encrypt("dev")))}${"]".repeat(5000)}`;
  const body = JSON.stringify(state(service("dev"), "DEEP")).replace('"DEEP"', deep);
  expect(await refused(400, "POST", `${at("prod")}/import`, { token: world.member, body })).toBe(FOREIGN);
});

it("leaves the configuration of the newest update where `pulumi config refresh` finds it", async () => {
  const config = { "web:a": { string: "1", secret: false, object: false } };
  const { updateID } = await ok<{ updateID: string }>("POST", `${at("dev")}/update`, { token: world.member, json: { config } });
  const { token: lease } = await ok<{ token: string }>("POST", `${at("dev")}/update/${updateID}`, { token: world.member, json: {} });
  await ok("POST", `${at("dev")}/update/${updateID}/complete`, { lease, json: { status: "succeeded" } });
  await takes("dev", state(undefined, {}));
  expect(await ok("GET", `${at("dev")}/updates/latest`, { token: world.member })).toMatchObject({ info: { kind: "import", config } });
});

it("is not refused because of an outdated cache, since the CLI would not retry", async () => {
  await ok("GET", "/api/user", { token: world.member });
  const { keys } = await env.TOKEN_CACHE.list();
  const cached = await Promise.all(keys.map(async ({ name }) => [name, (await env.TOKEN_CACHE.get(name))!] as const));
  expect(cached.length).toBeGreaterThan(0);
  await ok("PATCH", "/api/orgs/acme", { token: world.admin, json: { inFlightRevocation: "abort" } });
  for (const [name, value] of cached) await env.TOKEN_CACHE.put(name, value);
  await takes("dev", state(undefined, {}));
});
