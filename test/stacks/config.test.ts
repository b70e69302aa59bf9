import { env } from "cloudflare:workers";
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

const PROJECT_PATH = "/api/stacks/acme/web";
const STACK_PATH = `${PROJECT_PATH}/dev`;
const config = { environment: "web/dev@3", secretsProvider: "passphrase", encryptionSalt: "v1:x" };
const unsupported =
  "Bad Request: environments (Pulumi ESC) are not supported here: keep the configuration of the stack in its file Pulumi.STACK.yaml. See docs/compatibility.md.";
/** Stores the value as an earlier release did, before environments were refused. */
const storeConfig = () => env.DB.prepare("UPDATE stacks SET config = ?").bind(JSON.stringify(config)).run();

it("is not in an environment: its presence would switch the CLI over", async () => {
  expect(await ok("GET", STACK_PATH, { token })).not.toHaveProperty("config");
  expect(await refused(404, "GET", `${STACK_PATH}/config`, { token })).toBe("Not Found: Configuration of stack 'acme/web/dev' not found");
});

it.each([[config], [{ environment: "web/dev" }], [{ ...config, encryptedKey: null, newer: 1 }], [{ environment: "x".repeat(1000) }]])(
  "is not moved into an environment, in words that the CLI shows: %j",
  async (json) => {
    const events = await eventsOf(() =>
      changesNothing(async () => {
        expect(await refused(400, "PUT", `${STACK_PATH}/config`, { token, json })).toBe(unsupported);
        expect(await refused(400, "POST", PROJECT_PATH, { token, json: { stackName: "prod", config: json } })).toBe(unsupported);
      }),
    );
    expect(events).toEqual([]);
    await refused(404, "GET", `${PROJECT_PATH}/prod`, { token });
  },
);

it("is read and removed where an earlier release stored one", async () => {
  await storeConfig();
  expect(await ok("GET", `${STACK_PATH}/config`, { token })).toEqual(config);
  expect(await ok("GET", STACK_PATH, { token })).toMatchObject({ config });
  await ok("DELETE", `${STACK_PATH}/config`, { token });
  expect(await ok("GET", STACK_PATH, { token })).not.toHaveProperty("config");
  await ok("DELETE", `${STACK_PATH}/config`, { token });
});

it("is changed with an event that names who changed it", async () => {
  await storeConfig();
  const events = await eventsOf(async () => {
    await ok("DELETE", `${STACK_PATH}/config`, { token });
    await refused(404, "DELETE", "/api/stacks/acme/web/none/config", { token });
  });
  expect(events.map(({ event, userLogin, stack, description }) => [event, userLogin, stack, description])).toEqual([
    ["stack-config-updated", "mel", "web/dev", 'Removed the environment of the configuration of stack "acme/web/dev".'],
  ]);
});

it("is refused when it is not valid", async () => {
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
      await refused(400, "PUT", `${STACK_PATH}/config`, { token, json });
    for (const method of ["GET", "DELETE"]) await refused(404, method, "/api/stacks/acme/web/none/config", { token });
    await refused(404, "PUT", "/api/stacks/acme/web/none/config", { token, json: config });
  });
});
