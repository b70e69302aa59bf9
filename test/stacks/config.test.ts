import { beforeEach, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { ok, refused } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { newStack, newWorld } from "../support/world.ts";

let token: string;
beforeEach(async () => {
  token = (await newWorld()).member;
  await newStack(token);
});

const S = "/api/stacks/acme/web/dev";
const config = { environment: "web/dev@3", secretsProvider: "passphrase", encryptionSalt: "v1:x" };

it("is nowhere unless it was set: its presence switches the CLI over", async () => {
  expect(await ok("GET", S, { token })).not.toHaveProperty("config");
  expect(await refused(404, "GET", `${S}/config`, { token })).toBe("Not Found: Configuration of stack 'acme/web/dev' not found");
});

it("is set, read, replaced and removed", async () => {
  expect(await ok("PUT", `${S}/config`, { token, json: { ...config, encryptedKey: null, newer: 1 } })).toEqual(config);
  expect(await ok("GET", `${S}/config`, { token })).toEqual(config);
  expect(await ok("GET", S, { token })).toMatchObject({ config });
  expect(await ok("PUT", `${S}/config`, { token, json: { environment: "e" } })).toEqual({ environment: "e" });
  await ok("DELETE", `${S}/config`, { token });
  expect(await ok("GET", S, { token })).not.toHaveProperty("config");
  await ok("DELETE", `${S}/config`, { token });
});

it("is changed by somebody, and the log says by whom", async () => {
  const events = await eventsOf(async () => {
    await ok("PUT", `${S}/config`, { token, json: config });
    await ok("DELETE", `${S}/config`, { token });
    await refused(404, "DELETE", "/api/stacks/acme/web/none/config", { token });
  });
  expect(events.map(({ event, userLogin, stack, description }) => [event, userLogin, stack, description])).toEqual([
    ["stack-config-updated", "mel", "web/dev", 'Put into an environment the configuration of stack "acme/web/dev".'],
    ["stack-config-updated", "mel", "web/dev", 'Gave back to its clients the configuration of stack "acme/web/dev".'],
  ]);
});

it("comes with a new stack", async () => {
  await ok("POST", "/api/stacks/acme/web", { token, json: { stackName: "prod", config } });
  expect(await ok("GET", "/api/stacks/acme/web/prod", { token })).toMatchObject({ config });
});

it("is refused when it is not one", async () => {
  await changesNothing(async () => {
    for (const json of [
      {},
      null,
      [],
      { environment: "" },
      { environment: 1 },
      { environment: "x", encryptedKey: {} },
      { environment: "x".repeat(1001) },
    ])
      await refused(400, "PUT", `${S}/config`, { token, json });
    for (const method of ["GET", "DELETE"]) await refused(404, method, "/api/stacks/acme/web/none/config", { token });
    await refused(404, "PUT", "/api/stacks/acme/web/none/config", { token, json: config });
  });
});
