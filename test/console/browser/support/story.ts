/** Fills a server with the data of a working organization, through the API calls that its people, programs and machines would make. */
import { exchange, newProvider } from "./provider.ts";

export interface Resource {
  type: string;
  name: string;
  /** Names of earlier resources. */
  parent?: string;
  dependencies?: string[];
  /** A resource with an id is made by a provider; a component only contains others. */
  id?: string;
  /** The operation of the update on the resource; if absent, the resource stays the same. */
  op?: string;
  failed?: true;
}

export interface Run {
  /** `project/stack`. */
  stack: string;
  kind: "update" | "preview" | "refresh" | "destroy";
  dryRun?: boolean;
  message?: string;
  environment?: Record<string, string>;
  config?: Record<string, { string: string; secret: boolean; object: boolean }>;
  resources: Resource[];
  outputs?: Record<string, unknown>;
  /** Messages about the resource of that name. */
  says?: { about?: string; severity: "info" | "warning" | "error"; message: string }[];
  /** `running`: the update is not ended. */
  end: "succeeded" | "failed" | "running";
}

type Call = { token: string; json?: unknown } | { lease: string; json: unknown };

/** Makes one call of the API, and throws unless it succeeds. */
export async function send<T = unknown>(url: string, method: string, path: string, call: Call): Promise<T> {
  const authorization = "token" in call ? `token ${call.token}` : `update-token ${call.lease}`;
  const answer = await fetch(url + path, {
    method,
    headers: { Authorization: authorization, "Content-Type": "application/json" },
    ...(call.json !== undefined && { body: JSON.stringify(call.json) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

/** Runs an update or a preview with full checkpoints, as older releases do. @returns its id and version */
export async function play(url: string, token: string, run: Run): Promise<{ id: string; version: number }> {
  const { stack, kind, dryRun = kind === "preview", message = "", environment = {}, config = {}, end } = run;
  const [project = ""] = stack.split("/");
  const { updateID: id } = await send<{ updateID: string }>(url, "POST", `/api/stacks/acme/${stack}/${kind}`, {
    token,
    json: { name: project, runtime: "nodejs", main: "", description: "", options: { dryRun }, config, metadata: { message, environment } },
  });
  const path = `/api/stacks/acme/${stack}/${kind}/${id}`;
  const { token: lease, version } = await send<{ token: string; version: number }>(url, "POST", path, { token, json: {} });
  await send(url, "POST", `${path}/events/batch`, { lease, json: { events: eventsOf(run, dryRun) } });
  if (!dryRun) await send(url, "PATCH", `${path}/checkpoint`, { lease, json: { version: 3, isInvalid: false, deployment: stateOf(run) } });
  if (end !== "running") await send(url, "POST", `${path}/complete`, { lease, json: { status: end } });
  return { id, version };
}

const rootType = "pulumi:pulumi:Stack";

function urnOf({ stack, resources }: Run, name: string | undefined): string {
  const [project, its] = stack.split("/");
  const prefix = `urn:pulumi:${its}::${project}::`;
  const found = name === undefined ? undefined : resources.find((resource) => resource.name === name);
  return found ? `${prefix}${found.type}::${found.name}` : `${prefix}${rootType}::${project}-${its}`;
}

function stateOf(run: Run) {
  const root = { urn: urnOf(run, undefined), type: rootType, custom: false, outputs: run.outputs ?? {} };
  const resources = run.resources
    .filter(({ failed, op }) => !failed && op !== "delete")
    .map(({ type, name, parent, dependencies = [], id }) => ({
      urn: urnOf(run, name),
      type,
      custom: id !== undefined,
      ...(id !== undefined && { id }),
      parent: urnOf(run, parent),
      dependencies: dependencies.map((its) => urnOf(run, its)),
    }));
  return { manifest: { time: new Date().toISOString(), magic: "", version: "" }, resources: [root, ...resources] };
}

function eventsOf(run: Run, isPreview: boolean) {
  const steps = [{ name: undefined, op: "same", parent: null, failed: undefined, type: rootType }, ...run.resources].map((resource) => {
    const { name, op = "same", failed, type } = resource;
    const metadata = {
      op,
      urn: urnOf(run, name),
      type,
      old: op === "update" ? { inputs: { size: "small" } } : null,
      new: { parent: name === undefined ? "" : urnOf(run, resource.parent ?? undefined), inputs: { size: name ?? "" } },
      detailedDiff: op === "update" ? { size: { kind: "update", inputDiff: true } } : null,
      provider: "",
    };
    return failed ? { resOpFailedEvent: { metadata, status: 1, steps: 1 } } : { resOutputsEvent: { metadata } };
  });
  const said = (run.says ?? []).map(({ about, severity, message }) => ({
    diagnosticEvent: { urn: urnOf(run, about), severity, message: `${message}\n`, color: "never" },
  }));
  const resourceChanges = Object.fromEntries([...Map.groupBy(run.resources, ({ op = "same" }) => op)].map(([op, its]) => [op, its.length]));
  const summary = { summaryEvent: { maybeCorrupt: false, durationSeconds: 3, resourceChanges, PolicyPacks: {}, isPreview } };
  const events = [...steps, ...said, ...(run.end === "running" ? [] : [summary])];
  return events.map((event, sequence) => ({ sequence, timestamp: Math.floor(Date.now() / 1000), ...event }));
}

export interface Cast {
  url: string;
  admin: string;
  member: string;
}

export interface Story {
  project: string;
  previewId: string;
  tokenId: string;
  /** A personal token of the administrator. */
  ownTokenId: string;
  inviteId: string;
  /** A role that the form can show, and one that only JSON can show. Both are in use. */
  roleId: string;
  otherRoleId: string;
  team: string;
  teamTokenId: string;
  /** An identity provider with policies, and one of its sessions. */
  issuerId: string;
  sessionId: string;
  /** A stream of the audit log that is paused. */
  streamId: string;
  /** A webhook of the organization and one of the stack, each with a failed delivery. */
  hook: string;
  deliveryId: string;
  stackDeliveryId: string;
}

/**
 * Creates one project `PROJECT` of acme with a stack `dev`: an update, a preview, a failed update, and one that runs. Every text that a
 * person can choose goes through `text`.
 */
export async function tell({ url, admin, member }: Cast, project: string, text: (plain: string) => string): Promise<Story> {
  const stack = `${project}/dev`;
  const ask = <T>(method: string, path: string, json?: unknown, token = admin) => send<T>(url, method, path, { token, json });
  const token = await ask<{ id: string; tokenValue: string }>("POST", "/api/orgs/acme/tokens", {
    name: `jenkins-${project}`,
    description: text("deploys of the shop"),
    displayName: text("Jenkins"),
    stacks: [{ project, stack: "*" }],
    ipAllowList: ["0.0.0.0/0", "::/0"],
  });
  const own = await ask<{ id: string }>("POST", "/api/user/tokens", { description: text("my laptop") });
  await ask("POST", `/api/stacks/acme/${project}`, { stackName: "dev" });
  await ask("PATCH", `/api/stacks/acme/${stack}/tags`, { owner: text("platform"), "cost:centre": text("4711") });
  const secret = await ask<{ ciphertext: string }>("POST", `/api/stacks/acme/${stack}/encrypt`, {
    plaintext: Buffer.from(JSON.stringify(text("hunter2"))).toString("base64"),
  });
  const resources: Resource[] = [
    { type: text("shop:index:Site"), name: text("site"), op: "create" },
    { type: "aws:s3/bucket:Bucket", name: text("assets"), parent: text("site"), id: text("assets-1f2e"), op: "create" },
    { type: "aws:rds/instance:Instance", name: text("orders"), id: text("db-9a7c"), dependencies: [text("assets")], op: "create" },
  ];
  const common = {
    stack,
    environment: {
      "git.head": "1f0c3a4b5c6d",
      "git.headName": text("refs/heads/main"),
      "vcs.kind": "github.com",
      "vcs.owner": "acme",
      "vcs.repo": "shop",
      "ci.system": text("Jenkins"),
      "ci.build.number": text("7"),
      "ci.build.url": "javascript:alert(1)",
      "git.author": text("Ada"),
      [text("vcs")]: "javascript:alert(1)",
    },
    config: { [`${project}:${text("region")}`]: { string: text("eu-central-1"), secret: false, object: false } },
    resources,
  };
  const outputs = {
    readme: `# ${text("Shop")}\n\n- ${text("first")}\n- \`${text("npm start")}\`\n`,
    [text("url")]: text("https://shop.example"),
    [text("password")]: { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext: secret.ciphertext },
  };
  const says = [
    { about: text("assets"), severity: "warning", message: text("bucket acl is deprecated") } as const,
    { severity: "info", message: text("listening") } as const,
  ];
  await play(url, token.tokenValue, { ...common, kind: "update", message: text("Open the shop"), outputs, says, end: "succeeded" });
  const preview = await play(url, member, { ...common, kind: "preview", message: text("Try a cache"), says, end: "succeeded" });
  const failing = resources.map((one, i) => {
    if (i === 2) return { ...one, op: text("update"), failed: true as const };
    return { ...one, op: i === 1 ? "update" : "same" };
  });
  const error = { about: text("orders"), severity: "error", message: text("the instance is being modified") } as const;
  await play(url, token.tokenValue, {
    ...common,
    kind: "update",
    resources: failing,
    message: text("Larger"),
    config: { ...common.config, [`${project}:${text("size")}`]: { string: text("large"), secret: false, object: false } },
    outputs: { ...outputs, [text("url")]: text("https://www.shop.example") },
    says: [error],
    end: "failed",
  });
  await play(url, token.tokenValue, { ...common, kind: "update", message: text("Again"), outputs, says, end: "running" });
  const { sentInvites } = await ask<{ sentInvites: { id: string }[] }>("POST", "/api/orgs/acme/invites/batch", {
    invites: [{ email: `${text("guest").replaceAll(/[\s@]/g, "/")}@${project}.example`, role: "member" }],
  });
  const developers = await ask<{ id: string }>("POST", "/api/orgs/acme/roles", {
    name: text("Ops"),
    description: text("deploys to dev"),
    details: onTag(text("env"), text("dev"), {
      __type: "PermissionDescriptorAllow",
      permissions: ["stack:read", "stack:write", text("x:y")],
    }),
  });
  const others = await ask<{ id: string }>("POST", "/api/orgs/acme/roles", {
    name: text("Dev"),
    details: onTag("env", "dev", { __type: "PermissionDescriptorAllow", permissions: ["stack:read", "stack:write"] }),
  });
  const team = `team-${project}`;
  const TEAM = `/api/orgs/acme/teams/${team}`;
  await ask("POST", "/api/orgs/acme/teams/pulumi", { name: team, displayName: text("Shop"), description: text("the web shop") });
  await ask("PATCH", TEAM, { member: "mel", memberAction: "add" });
  await ask("PATCH", TEAM, { addStackPermission: { projectName: project, stackName: "dev", permission: 102 } });
  for (const { id } of [developers, others]) await ask("POST", `${TEAM}/roles/${id}`);
  const teamToken = await ask<{ id: string }>("POST", `${TEAM}/tokens`, {
    name: `shop-${project}`,
    description: text("the shop's pipeline"),
  });
  // The audit log knows a refusal, too.
  await fetch(`${url}/api/orgs/acme/auditlogs/v2`, { headers: { Authorization: `token ${member}` } });
  const ids = {
    ...(await failedWebhooks(url, admin, project, text)),
    streamId: await pausedStream(url, admin, project, text),
    roleId: others.id,
    otherRoleId: developers.id,
    team,
    teamTokenId: teamToken.id,
    ...(await pipelines(url, admin, project, text)),
  };
  return { project, previewId: preview.id, tokenId: token.id, ownTokenId: own.id, inviteId: sentInvites[0]!.id, ...ids };
}

/** An audit stream that is paused and sends nothing. */
async function pausedStream(url: string, admin: string, project: string, text: (plain: string) => string): Promise<string> {
  const destination = {
    kind: "s3",
    url: "https://s3.eu-central-1.amazonaws.com",
    region: "eu-central-1",
    bucket: "acme-audit",
    prefix: text("logs"),
    accessKeyId: "AKIDEXAMPLE",
    secretAccessKey: "secret",
  };
  const STREAMS = "/api/orgs/acme/audit-streams";
  const json = { name: `${project} ${text("archive")}`.slice(0, 100), from: "now", destination };
  const { id } = await send<{ id: string }>(url, "POST", STREAMS, { token: admin, json });
  await send(url, "POST", `${STREAMS}/${id}/pause`, { token: admin, json: {} });
  return id;
}

/** A webhook of the organization and one of the stack, whose destination does not exist. */
async function failedWebhooks(url: string, admin: string, project: string, text: (plain: string) => string) {
  const hook = `hook-${project}`.slice(0, 32);
  const failed = async (path: string, groups: string[]) => {
    const json = {
      organizationName: "acme",
      name: hook,
      displayName: text("Deploys"),
      payloadUrl: "http://127.0.0.1:1/in",
      active: true,
      groups,
    };
    await send(url, "POST", path, { token: admin, json });
    return (await send<{ id: string }>(url, "POST", `${path}/${hook}/ping`, { token: admin, json: {} })).id;
  };
  const deliveryId = await failed("/api/orgs/acme/hooks", ["stacks", "tokens"]);
  return { hook, deliveryId, stackDeliveryId: await failed(`/api/stacks/acme/${project}/dev/hooks`, []) };
}

/** The pipelines of a CI system: one gets a token, and one is refused. */
async function pipelines(url: string, admin: string, project: string, text: (plain: string) => string) {
  const iss = `https://ci-${project}.example.com`;
  const provider = await newProvider(iss, text("key"));
  const ask = <T>(method: string, path: string, json?: unknown) => send<T>(url, method, `/api/orgs/acme${path}`, { token: admin, json });
  const { id: issuerId } = await ask<{ id: string }>("POST", "/oidc/issuers", {
    name: text("github").slice(0, 100),
    url: iss,
    jwks: provider.jwks,
    audiences: [text("urn:ci")],
  });
  const { id: policyId } = await ask<{ id: string }>("GET", `/auth/policies/oidcissuers/${issuerId}`);
  const allowed = { decision: "allow", tokenType: "organization" };
  await ask("PATCH", `/auth/policies/${policyId}`, {
    policies: [
      {
        ...allowed,
        rules: { repository: "acme/shop", ref: "refs/heads/main", [text("claim").replaceAll(/[".]/g, "-")]: text("*") },
        stacks: [{ project: "{repository_name}", stack: "*" }],
      },
      { ...allowed, rules: { sub: "repo:acme*" } },
      { ...allowed, tokenType: "team", teamName: text("ops"), rules: { repository_id: "2002", environment: "production" } },
      { ...allowed, decision: "deny", rules: { event_name: "pull_request*" } },
    ],
  });
  const run = {
    sub: `repo:acme/shop:${text("ref")}`,
    repository: "acme/shop",
    ref: "refs/heads/main",
    project_path: "acme/shop",
    job_id: "77",
  };
  const answer = await exchange(url, await provider.sign(run));
  if (!answer.ok) throw new Error(`exchange: ${answer.status} ${await answer.text()}`);
  await exchange(url, await provider.sign({ ...run, event_name: text("pull_request") }));
  const { sessions } = await ask<{ sessions: { id: string }[] }>("GET", `/oidc/issuers/${issuerId}/sessions`);
  return { issuerId, sessionId: sessions[0]!.id };
}

/** Rights on the stacks with a tag. */
const onTag = (key: string, value: string, subNode: object) => ({
  __type: "PermissionDescriptorCondition",
  condition: {
    __type: "PermissionExpressionEqual",
    left: { __type: "PermissionExpressionTag", context: { __type: "PermissionExpressionStack" }, key },
    right: { __type: "PermissionLiteralExpressionString", value },
  },
  subNode,
});

/** Every page that a link leads to, for an administrator of acme. */
export function pagesOf(story: Story): string[] {
  const { project, previewId, tokenId, ownTokenId, inviteId, roleId, otherRoleId, team, teamTokenId, issuerId, sessionId, streamId } =
    story;
  const { hook, deliveryId, stackDeliveryId } = story;
  const under = (place: string, parts: string[]) => parts.map((part) => place + part);
  return [
    ...under("/acme", ["", "/~/stacks", "/~/search", `/~/search?q=${project}`, `/${project}`]),
    ...under(`/acme/${project}/dev`, ["", "/outputs", "/resources", "/access", "/settings/options"]),
    ...["", "/history"].map(
      (part) => `/acme/${project}/dev/resource${part}?urn=${encodeURIComponent(`urn:pulumi:dev::${project}::${rootType}::${project}-dev`)}`,
    ),
    ...under(`/acme/${project}/dev/resources`, ["?view=list", "?filter=dev"]),
    `/acme/${project}/dev/cancel?updateID=${previewId}`,
    ...under("/acme/~/stacks", ["?sort=name", "?status=failed"]),
    ...under(`/acme/${project}/dev`, ["/compare", "/compare?from=1&to=2", "/restore?version=1"]),
    ...under(`/acme/${project}/dev`, ["/updates/1", "/updates/2", "/updates/3", `/previews/${previewId}`]),
    ...under("/acme/~/tokens", ["", "/new", `/${tokenId}`, `/${tokenId}/delete`, `/${tokenId}/value`]),
    ...under("/acme/~/audit", ["", "?refusalsOnly=true&eventFilter=stack-created", "/1", "/verify"]),
    ...under("/acme/~", ["/members", "/members/invites", "/members/mel/remove", "/settings", "/numbers", `/invites/${inviteId}`]),
    ...under("/acme/~", ["/members/mel/role", "/teams", "/new-team", "/roles", "/roles/new", "/roles/new?as=json", "/roles/admin"]),
    ...[roleId, otherRoleId].flatMap((id) => under(`/acme/~/roles/${id}`, ["", "/edit", "/delete", "/delete?force=true"])),
    ...under(`/acme/~/teams/${team}`, ["", "/stacks", "/roles", "/tokens", "/tokens/new"]),
    ...under(`/acme/~/teams/${team}/tokens/${teamTokenId}`, ["/value", "/delete"]),
    ...under(`/acme/~/teams/${team}`, ["/settings", "/delete"]),
    ...under("/acme/~/oidc", ["", "/new", "/new/github-actions", "/new/other"]),
    ...under(`/acme/~/oidc/${issuerId}`, ["", "/test", "/settings", "/delete", "/sessions", "/sessions/end", `/sessions/${sessionId}/end`]),
    ...under(`/acme/~/oidc/${issuerId}/policies`, ["/1", "/2/delete", "/new", "/json"]),
    ...under("/acme/~", ["/sso", "/scim", "/scim/value"]),
    ...under("/acme/~/streams", ["", `/${streamId}`, `/${streamId}/edit`, `/${streamId}/delete`, `/${streamId}/secret`]),
    ...under("/acme/~/new-stream", ["", "/s3", "/https", "/splunk", "/datadog", "/elastic"]),
    ...[`/acme/~`, `/acme/${project}/dev`].flatMap((place) => under(place, ["/webhooks", "/new-webhook", `/webhooks/${hook}`])),
    ...under(`/acme/~/webhooks/${hook}`, ["/edit", "/delete", "/secret", `/deliveries/${deliveryId}`]),
    ...under(`/acme/${project}/dev/webhooks/${hook}`, ["/edit", "/delete", "/secret", `/deliveries/${stackDeliveryId}`]),
    ...under("/user/settings/tokens", ["", "/value", `/${ownTokenId}/delete`]),
    ...under("/user/settings", ["/sessions", "/organizations", "/display"]),
    `/acme/~/tokens/new?like=${tokenId}`,
    "/acme/~/tokens?filter=never&sort=name",
    "/cli-login?cliSessionPort=1234&cliSessionNonce=abc",
    "/welcome/cli",
  ];
}
