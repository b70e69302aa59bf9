import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Server } from "../../test/cli/support/server.ts";
import { exchange, newProvider } from "../../test/console/browser/support/provider.ts";
import { type Resource, type Run, play, send } from "../../test/console/browser/support/story.ts";
import { mustWrangle } from "../wrangler.ts";

export interface Month {
  /** Personal token of the administrator. */
  admin: string;
  /** Paths of the pages for pictures, by name. */
  pages: Record<string, string>;
}

const machines = [
  { name: "jenkins-prod", description: "production deploys from Jenkins", days: 60 },
  { name: "github-shop", description: "deploys of the shop from GitHub Actions", days: 90, stacks: [{ project: "shop", stack: "*" }] },
  { name: "gitlab-data", description: "nightly refresh of the data platform", days: 30, stacks: [{ project: "data", stack: "*" }] },
  { name: "drift-watch", description: "reads states every hour, changes nothing", days: 0, roleID: "read-only" },
  { name: "backup", description: "exports every stack at night", days: 0, roleID: "read-only", ipAllowList: ["0.0.0.0/0", "::/0"] },
  { name: "old-circleci", description: "from before the move to GitLab", days: 0 },
];

const shop: Resource[] = [
  { type: "shop:index:Network", name: "network" },
  { type: "aws:ec2/vpc:Vpc", name: "main", parent: "network", id: "vpc-0a1f" },
  { type: "aws:ec2/subnet:Subnet", name: "private", parent: "network", id: "subnet-77c1", dependencies: ["main"] },
  { type: "aws:iam/role:Role", name: "web-role", id: "web-role-4b1c" },
  { type: "aws:s3/bucket:Bucket", name: "assets", id: "shop-assets-1f2e" },
  { type: "aws:rds/instance:Instance", name: "orders", id: "db-orders", dependencies: ["private"] },
  { type: "aws:lambda/function:Function", name: "checkout", id: "checkout-9e1d", dependencies: ["web-role", "orders"] },
  { type: "aws:lb/loadBalancer:LoadBalancer", name: "front", id: "front-3c9a", dependencies: ["private", "checkout"] },
];
const changing = (ops: Record<string, string>, resources = shop): Resource[] =>
  resources.map((one) => ({ ...one, op: ops[one.name] ?? "same" }));
const everything = Object.fromEntries(shop.map(({ name }) => [name, "create"]));

const environment = {
  "git.head": "5d1f0c3a9be2",
  "git.headName": "refs/heads/main",
  "vcs.repo": "acme/shop",
  "ci.system": "GitHub Actions",
  "pulumi.version": "v3.259.0",
};

/** Fills a server with the work of a small company in a month, and sets its dates into the past. */
export async function aMonth(server: Server): Promise<Month> {
  const { url } = server;
  const { admin, member } = server.credentials.organizations["acme"] as { admin: string; member: string };
  const ask = <T>(method: string, path: string, json?: unknown, token = admin) => send<T>(url, method, path, { token, json });
  const values: Record<string, { id: string; tokenValue: string }> = {};
  for (const { days, ...machine } of machines)
    values[machine.name] = await ask("POST", "/api/orgs/acme/tokens", {
      ...machine,
      expires: days === 0 ? 0 : Math.floor(Date.now() / 1000) + days * 86_400,
    });
  const value = (name: string) => values[name]!.tokenValue;

  for (const [project, stack, owner] of [
    ["shop", "production", "storefront"],
    ["shop", "staging", "storefront"],
    ["data", "warehouse", "analytics"],
    ["landing-zone", "eu-central-1", "platform"],
    ["landing-zone", "us-east-1", "platform"],
  ] as const) {
    await ask("POST", `/api/stacks/acme/${project}`, { stackName: stack });
    await ask("PATCH", `/api/stacks/acme/${project}/${stack}/tags`, { owner, "cost-centre": "4711" });
  }
  const secret = await ask<{ ciphertext: string }>("POST", "/api/stacks/acme/shop/production/encrypt", {
    plaintext: Buffer.from('"hunter2"').toString("base64"),
  });
  const production: Omit<Run, "resources" | "end"> = {
    stack: "shop/production",
    kind: "update",
    environment,
    config: {
      "aws:region": { string: "eu-central-1", secret: false, object: false },
      "shop:apiKey": { string: secret.ciphertext, secret: true, object: false },
    },
    outputs: {
      url: "https://shop.acme.example",
      replicas: 3,
      dbPassword: { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext: secret.ciphertext },
    },
  };
  const jenkins = value("jenkins-prod");
  await play(url, jenkins, { ...production, resources: changing(everything), message: "Open the shop", end: "succeeded" });
  for (const message of ["Two more replicas", "Cache the catalogue", "Rotate the certificate", "Upgrade the runtime"])
    await play(url, jenkins, { ...production, resources: changing({ checkout: "update" }), message, end: "succeeded" });
  for (const [stack, name, times] of [
    ["shop/staging", "github-shop", 14],
    ["data/warehouse", "gitlab-data", 9],
    ["landing-zone/eu-central-1", "jenkins-prod", 5],
    ["landing-zone/us-east-1", "jenkins-prod", 3],
  ] as const)
    for (let i = 0; i < times; i++)
      await play(url, value(name), {
        stack,
        kind: i % 5 === 4 ? "refresh" : "update",
        environment,
        resources: changing(i === 0 ? everything : { checkout: "update" }),
        message: `Build ${i + 117}`,
        end: i % 7 === 5 ? "failed" : "succeeded",
      });
  await play(url, member, {
    ...production,
    kind: "preview",
    resources: changing({ orders: "update" }),
    message: "Would a larger database do?",
    end: "succeeded",
  });
  const failed = changing({ orders: "update" }).map((one) => (one.name === "orders" ? { ...one, failed: true as const } : one));
  await play(url, jenkins, {
    ...production,
    resources: failed,
    message: "A larger database",
    says: [
      { about: "orders", severity: "error", message: "modifying DB instance (db-orders): the instance is already being modified" },
      { severity: "error", message: "update failed" },
    ],
    end: "failed",
  });
  const { version } = await play(url, jenkins, {
    ...production,
    resources: changing({ orders: "update", checkout: "replace", assets: "update", "web-role": "update" }),
    message: "A larger database, again",
    says: [
      { about: "checkout", severity: "info", message: "building image…\npushed shop/checkout:5d1f0c3" },
      { about: "assets", severity: "warning", message: "the acl property is deprecated: use aws.s3.BucketAcl" },
    ],
    end: "succeeded",
  });
  await play(url, value("github-shop"), {
    stack: "shop/staging",
    kind: "update",
    environment,
    resources: changing({ checkout: "update" }),
    message: "Build 131",
    end: "running",
  });
  await refusals(url, { admin, member, old: values["old-circleci"]! });
  await ask("POST", "/api/orgs/acme/invites/link", { role: "member" });
  const roleId = await accessOfTeams(ask);
  await moveBack(server);
  // The tokens of an identity provider are valid for hours, so it is not moved back in time.
  const issuerId = await pipelines(url, ask);
  // Events are written after the answers.
  await new Promise((done) => setTimeout(done, 3000));
  const { auditLogEvents } = await ask<{ auditLogEvents: { sequence: number; authFailure: boolean }[] }>(
    "GET",
    "/api/orgs/acme/auditlogs/v2?refusalsOnly=true",
  );
  return {
    admin,
    pages: {
      tokens: "/acme/~/tokens",
      token: `/acme/~/tokens/${values["jenkins-prod"]!.id}`,
      audit: "/acme/~/audit",
      record: `/acme/~/audit/${auditLogEvents[0]!.sequence}`,
      home: "/acme",
      stacks: "/acme/~/stacks",
      stack: "/acme/shop/production",
      resources: "/acme/shop/production/resources",
      resource: `/acme/shop/production/resource?urn=${encodeURIComponent("urn:pulumi:production::shop::aws:lambda/function:Function::checkout")}`,
      search: "/acme/~/search?q=shop",
      update: `/acme/shop/production/updates/${version}`,
      settings: "/acme/~/settings",
      roles: "/acme/~/roles",
      role: `/acme/~/roles/${roleId}/edit`,
      team: "/acme/~/teams/storefront/stacks",
      issuer: `/acme/~/oidc/${issuerId}`,
      dryrun: `/acme/~/oidc/${issuerId}/test`,
    },
  };
}

/** A team with rights on its stacks, and roles. @returns the id of a role with two conditions */
async function accessOfTeams(ask: <T>(method: string, path: string, json?: unknown) => Promise<T>): Promise<string> {
  const { roles: sets } = await ask<{ roles: { id: string; name: string }[] }>("GET", "/api/orgs/acme/roles?uxPurpose=set");
  const include = (name: string) => ({
    __type: "PermissionDescriptorCompose",
    permissionDescriptors: [sets.find((set) => set.name === name)!.id],
  });
  const withTag = (key: string, value: string, subNode: object) => ({
    __type: "PermissionDescriptorCondition",
    condition: {
      __type: "PermissionExpressionEqual",
      left: { __type: "PermissionExpressionTag", context: { __type: "PermissionExpressionStack" }, key },
      right: { __type: "PermissionLiteralExpressionString", value },
    },
    subNode,
  });
  const { id } = await ask<{ id: string }>("POST", "/api/orgs/acme/roles", {
    name: "Storefront developers",
    description: "Deploy the shop, and read everything else",
    details: {
      __type: "PermissionDescriptorGroup",
      entries: [include("Stack Read"), withTag("owner", "storefront", include("Stack Write"))],
    },
  });
  await ask("POST", "/api/orgs/acme/roles", {
    name: "Drift detection",
    description: "Preview every stack, and change none",
    details: {
      __type: "PermissionDescriptorAllow",
      permissions: ["stack:read", "stack:export", "stack:encrypt", "stack:decrypt", "stack:preview"],
    },
  });
  const TEAM = "/api/orgs/acme/teams/storefront";
  await ask("POST", "/api/orgs/acme/teams/pulumi", { name: "storefront", displayName: "Storefront", description: "The web shop" });
  await ask("PATCH", TEAM, { member: "mel", memberAction: "add" });
  for (const [stackName, permission] of [
    ["production", 101],
    ["staging", 103],
  ])
    await ask("PATCH", TEAM, { addStackPermission: { projectName: "shop", stackName, permission } });
  await ask("POST", `${TEAM}/roles/${id}`);
  return id;
}

/** GitHub Actions without a stored secret: a policy of a preset, a policy with a warning, two runs, and one that is refused. @returns the id of the issuer */
async function pipelines(url: string, ask: <T>(method: string, path: string, json?: unknown) => Promise<T>): Promise<string> {
  const { jwks, sign } = await newProvider("https://token.actions.githubusercontent.com");
  const preset = { kind: "github-actions", owner: "acme", repository: "shop", branch: "main", ownerId: "1001", repositoryId: "2002" };
  const issuer = await ask<{ id: string; policy: { id: string; policies: object[] } }>("POST", "/api/orgs/acme/oidc/issuers", {
    name: "github",
    jwks,
    preset: { ...preset, stacks: [{ project: "{repository_name}", stack: "*" }] },
  });
  const { id: policyId, policies } = issuer.policy;
  const risky = { decision: "allow", tokenType: "organization", roleID: "read-only", rules: { sub: "repo:acme/docs:*" } };
  await ask("PATCH", `/api/orgs/acme/auth/policies/${policyId}`, { policies: [...policies, risky] });
  const run = { sub: "repo:acme/shop:ref:refs/heads/main", repository: "acme/shop", repository_owner_id: "1001", repository_id: "2002" };
  const runs: Record<string, string>[] = [{ run_id: "4711" }, { run_id: "4712" }, { ref: "refs/heads/try" }];
  for (const more of runs) await exchange(url, await sign({ ...run, ref: "refs/heads/main", event_name: "push", ...more }));
  return issuer.id;
}

/** Events for a security engineer: a deleted token that was used again, and a member without a permission. */
async function refusals(url: string, { admin, member, old }: { admin: string; member: string; old: { id: string; tokenValue: string } }) {
  await send(url, "DELETE", `/api/orgs/acme/tokens/${old.id}`, { token: admin });
  const tried = (token: string, method: string, path: string) =>
    fetch(url + path, { method, headers: { Authorization: `token ${token}` } });
  await tried(old.tokenValue, "GET", "/api/stacks/acme/shop/production/export");
  await tried(member, "GET", "/api/orgs/acme/tokens");
}

/** Moves everything with a time back by some days, except the audit log's chain. */
async function moveBack({ persistTo }: Server): Promise<void> {
  const day = 86_400_000;
  const lastUse = { "jenkins-prod": 0.1, "github-shop": 0.02, "gitlab-data": 2, "drift-watch": 0.04, backup: 12 };
  const sql = [
    // The newest update of a stack keeps its time; the others move back by two days each.
    `UPDATE updates SET created_at = created_at - shift, started_at = started_at - shift, ended_at = ended_at - shift + 4000 * (1 + version % 9)
     FROM (SELECT id AS its, age * ${day} + age * 41 % 11 * 3600000 AS shift FROM (SELECT id, 2 * (row_number() OVER (PARTITION BY stack_id ORDER BY created_at DESC) - 1) AS age
       FROM updates WHERE status <> 'running')) WHERE its = id;`,
    `UPDATE stacks SET last_update_at = (SELECT max(ended_at) FROM updates WHERE stack_id = stacks.id AND dry_run = 0) WHERE running_update IS NULL;`,
    `UPDATE access_tokens SET created_at = created_at - 40 * ${day} WHERE kind = 'organization';`,
    ...Object.entries(lastUse).map(
      ([name, days]) =>
        `UPDATE access_tokens SET last_used_at = ${Date.now() - days * day}, last_used_address = '203.0.113.${name.length}', last_used_country = 'DE' WHERE name = '${name}';`,
    ),
    `INSERT OR REPLACE INTO token_usage (token_id, day, requests) SELECT access_tokens.id, ${Math.floor(Date.now() / day)} - value, 40 + abs(random()) % 160
     FROM access_tokens, json_each('[1,2,3,6,7,8,9,10,13,14,15,16,17,20,21,22,23,24,27,28]') WHERE name IN ('jenkins-prod', 'github-shop');`,
  ];
  const file = join(persistTo, "month.sql");
  writeFileSync(file, sql.join("\n"));
  mustWrangle(["d1", "execute", "DB", "--local", "--persist-to", persistTo, "--yes", "--file", file]);
}
