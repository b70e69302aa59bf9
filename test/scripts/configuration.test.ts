import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  CONFIG,
  SAML_CONFIG,
  atDomain,
  databasesOf,
  inEnvironment,
  readConfiguration,
  severalDatabases,
} from "../../scripts/configuration.ts";
import { wantedBindings } from "../../scripts/deploy/differences.ts";
import { root } from "./support/checkout.ts";

type Configuration = ReturnType<typeof readConfiguration>;

/** Everything in a configuration that names a resource of the account. */
const namesIn = (config: Configuration): string[] => [
  config.name,
  ...(config.d1_databases ?? []).map((one) => one.database_name!),
  ...(config.r2_buckets ?? []).map((one) => one.bucket_name!),
  ...(config.queues?.producers ?? []).map((one) => one.queue),
  ...(config.queues?.consumers ?? []).flatMap((one) => [one.queue, ...(one.dead_letter_queue ? [one.dead_letter_queue] : [])]),
  ...(config.ratelimits ?? []).map((one) => one.namespace_id),
  ...(config.services ?? []).map((one) => one.service),
];

describe("the configuration of an environment", () => {
  it("shares no name with the main one or with another environment", () => {
    const all = [undefined, "staging", "test-2"].map(
      (name) => new Set([CONFIG, SAML_CONFIG].flatMap((file) => namesIn(inEnvironment(readConfiguration(file), name)))),
    );
    expect(all[0]!.size).toBeGreaterThan(10);
    expect(new Set(all.map(({ size }) => size)).size).toBe(1);
    expect(new Set(all.flatMap((names) => [...names])).size).toBe(3 * all[0]!.size);
  });

  it("has queues that the Worker tells apart, and names that Cloudflare takes", () => {
    const config = inEnvironment(readConfiguration(CONFIG), "x".repeat(20));
    const [log, dead] = config.queues!.consumers!;
    expect(log!.dead_letter_queue).toBe(dead!.queue);
    expect([log!.queue.endsWith("-dead"), dead!.queue.endsWith("-dead")]).toEqual([false, true]);
    for (const name of namesIn(config)) expect(name).toMatch(/^[a-z0-9][a-z0-9-]{0,62}$/);
  });

  it("has no domain of the main one, and what its own section says", () => {
    const main = {
      ...readConfiguration(CONFIG),
      workers_dev: false,
      routes: [{ pattern: "stackpass.example.com", custom_domain: true }],
      services: [{ binding: "SAML", service: "stackpass-saml" }],
      vars: { PUBLIC_URL: "https://stackpass.example.com", OWN_HOSTS: "a.example.com", DIRECT_MEMBERS: "add" },
      env: { staging: { routes: [{ pattern: "staging.example.com" }], vars: { DIRECT_MEMBERS: "invite" } } },
    };
    expect(inEnvironment(main, "staging")).toMatchObject({
      routes: [{ pattern: "staging.example.com" }],
      services: [{ service: "stackpass-staging-saml" }],
    });
    expect(inEnvironment(main, "staging").vars).toEqual({ DIRECT_MEMBERS: "invite" });
    const other = inEnvironment(main, "other");
    expect(JSON.stringify(other)).not.toContain("example.com");
    expect(Object.keys(other)).not.toContain("env");
    expect(other).not.toHaveProperty("workers_dev");
    expect(inEnvironment(main, undefined)).toMatchObject({ name: "stackpass", routes: main.routes, vars: main.vars });
  });
});

it("a configuration with several databases is refused by commands that copy one", () => {
  const config = readConfiguration(CONFIG);
  expect(databasesOf(config)).toEqual(["DB"]);
  expect(severalDatabases(config)).toBeUndefined();
  const two = { ...config, d1_databases: [...config.d1_databases!, { binding: "DB_2", database_name: "stackpass-2" }] };
  expect(severalDatabases(two)).toContain("DB, DB_2");
  expect(databasesOf({ ...two, d1_databases: two.d1_databases.toReversed() })).toEqual(["DB", "DB_2"]);
  expect(inEnvironment(two, "staging").d1_databases!.map((one) => one.database_name)).toEqual(["stackpass-staging", "stackpass-staging-2"]);
});

it("one setting gives a deployment the addresses api. and app. of a domain, and another environment none of them", () => {
  const config = readConfiguration(CONFIG);
  const main = { ...config, vars: { ...config.vars, DOMAIN: "example.com", OWN_HOSTS: "old.example.com" } };
  const { DOMAIN: _, ...vars } = main.vars;
  expect(atDomain(main)).toEqual({
    ...config,
    workers_dev: false,
    routes: [
      { pattern: "api.example.com", custom_domain: true },
      { pattern: "app.example.com", custom_domain: true },
    ],
    vars: { ...vars, PUBLIC_URL: "https://app.example.com", OWN_HOSTS: "old.example.com,api.example.com" },
  });
  expect(atDomain(config)).toBe(config);
  expect(JSON.stringify(atDomain(inEnvironment(main, "staging")))).not.toContain("example.com");
  const staging = { ...main, env: { staging: { vars: { DOMAIN: "staging.example.com" } } } };
  expect(atDomain(inEnvironment(staging, "staging")).routes!.map(({ pattern }) => pattern)).toEqual([
    "api.staging.example.com",
    "app.staging.example.com",
  ]);
});

it("no code contains the name of a database, a bucket or a queue", () => {
  const config = readConfiguration(CONFIG);
  const names = namesIn(config).filter((name) => name.startsWith(`${config.name}-`));
  expect(names.length).toBeGreaterThan(2);
  for (const folder of ["src", "scripts", "saml"])
    for (const file of readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).filter((name) => /\.tsx?$/.test(name))) {
      const text = readFileSync(join(root, folder, file), "utf8");
      for (const name of names) expect(text.includes(name), `${name} in ${folder}/${file}`).toBe(false);
    }
});

it("what a button that deploys asks for belongs to a binding or a secret, and no value is suggested", () => {
  const config = readConfiguration(CONFIG);
  const { cloudflare } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    cloudflare: { bindings: Record<string, { description: string }> };
  };
  const known = new Set([...wantedBindings(config).map(({ name }) => name), ...config.secrets!.required!, "OPERATOR_TOKEN"]);
  for (const [name, { description }] of Object.entries(cloudflare.bindings)) {
    expect(known, name).toContain(name);
    expect(description.length).toBeGreaterThan(20);
  }
  const asked = readFileSync(join(root, ".dev.vars.example"), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  expect(asked).toEqual(["OPERATOR_TOKEN="]);
  // Cloudflare creates the resources that have no id in the configuration.
  expect(readFileSync(join(root, CONFIG), "utf8")).not.toMatch(/^\s*(database_id|id)\s*=/m);
});
