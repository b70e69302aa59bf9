import { beforeEach, expect, it } from "vitest";
import { call } from "../support/client.ts";
import { type RunningUpdate, type World, newStack, newWorld, startUpdate } from "../support/world.ts";

/**
 * What the CLI can call and we do not do (cli-protocol §6.2, §6.3 and the last column of §7): each answers so that its command says
 * something sensible, and that no other command breaks.
 */
const O = "/api/orgs/acme";
const S = "/api/stacks/acme/web/dev";

let world: World;
let update: RunningUpdate;
beforeEach(async () => {
  world = await newWorld();
  await newStack(world.member);
  update = await startUpdate(world.member);
});

const notFound = { code: 404, message: expect.stringMatching(/^Not Found: /) as string };

it.each<[method: string, path: string]>([
  ["GET", "/api/cli/version"],
  ["POST", `${S}/begin-update`],
  ["GET", `${S}/policypacks`],
  ["GET", "/api/registry/templates/private/acme/thing/versions/latest"],
  ["POST", "/api/registry/templates/private/acme/thing/versions"],
  ["GET", `${O}/template/download?url=https%3A%2F%2Fexample.com`],
  ["GET", `${O}/resources/summary?granularity=daily&lookbackDays=30`],
  ["GET", `${O}/search/resources?query=x`],
  ["GET", `${O}/search/resources/parse?query=x`],
  ["GET", `${O}/search/resourcesv2?query=x`],
  ["POST", `${O}/policygroups`],
  ["GET", `${O}/policygroups/default`],
  ["PATCH", `${O}/policygroups/default`],
  ["DELETE", `${O}/policygroups/default`],
  ["POST", `${O}/policypacks`],
  ["DELETE", `${O}/policypacks/pack`],
  ["DELETE", `${O}/policypacks/pack/versions/1`],
  ["POST", `${O}/policypacks/pack/versions/1/complete`],
  ["GET", `${O}/policypacks/pack/versions/1/schema`],
  ["POST", `${O}/policyresults/issues`],
  ["GET", `${O}/policyresults/issues/1`],
  ["POST", `${O}/policyresults/compliance`],
  ["GET", `${O}/hooks`],
  ["POST", `${O}/hooks`],
  ["PATCH", `${O}/hooks/h`],
  ["POST", `${O}/hooks/h/ping`],
  ["GET", `${O}/hooks/h/deliveries`],
  ["GET", `${S}/hooks`],
  ["POST", `${S}/hooks`],
  ["DELETE", `${S}/hooks/h`],
  ["POST", `${S}/hooks/h/ping`],
  ["POST", `${S}/hooks/h/deliveries/1/redeliver`],
  ["GET", `${S}/drift/runs`],
  ["GET", `${S}/drift/status`],
  ["GET", `${S}/deployments`],
  ["POST", `${S}/deployments`],
  ["GET", `${S}/deployments/1`],
  ["GET", `${S}/deployments/1/logs`],
  ["GET", `${S}/deployments/1/updates`],
  ["POST", `${S}/deployments/1/cancel`],
  ["GET", `${S}/deployments/version/1`],
  ["GET", `${S}/deployments/settings`],
  ["POST", `${S}/deployments/settings`],
  ["PUT", `${S}/deployments/settings`],
  ["DELETE", `${S}/deployments/settings`],
  ["POST", `${S}/deployments/settings/encrypt`],
  ["GET", `${S}/deployments/schedules`],
  ["POST", `${S}/deployments/drift/schedules`],
  ["POST", `${S}/deployments/ttl/schedules`],
  ["GET", "/api/console/orgs/acme/integrations/github-app"],
  ["POST", "/api/esc/environments/acme/yaml/open?duration=2h0m0s"],
  ["GET", "/api/esc/environments/acme/yaml/open/1"],
  ["POST", "/api/esc/environments/acme/yaml/check?showSecrets=true"],
  ["GET", "/api/esc/environments/acme"],
  ["POST", "/api/esc/environments/acme"],
  ["PATCH", "/api/esc/environments/acme/web/dev"],
  ["GET", "/api/esc/environments/acme/web/dev/versions/latest"],
  ["POST", "/api/preview/agents/acme/tasks"],
  ["GET", "/api/preview/agents/acme/tasks/1/events/stream"],
  ["POST", "/api/ai/chat/preview"],
  ["GET", "/api/preview/insights/acme/accounts"],
  ["POST", "/api/preview/insights/acme/accounts/a/scan"],
  ["POST", "/api/log-encryption-session/init"],
  ["GET", "/api/agents/signup"],
  ["GET", "/api/agents/signup/validate/token"],
  ["GET", "/api/stacks/acme"],
  ["GET", `${S}/logs`],
  ["GET", `${S}/updates/1/contents/files`],
  ["GET", "/api/nothing/of/the/kind"],
  ["GET", "/api/"],
  ["PUT", "/api/user"],
])("%s %s is not found, in JSON", async (method, path) => {
  for (const token of [world.member, undefined]) {
    const response = await call(method, path, { token, ...(method !== "GET" && { json: {} }) });
    expect(response.headers.get("Content-Type")).toContain("application/json");
    expect([response.status, await response.json()]).toEqual([404, notFound]);
  }
});

it.each<[path: string, answer: unknown]>([
  ["/api/registry/templates?limit=499&name=x&orgLogin=acme&search=y&backing=vcs&continuationToken=z", { templates: [] }],
  ["/api/registry/packages?limit=499&name=x&orgLogin=z", { packages: [] }],
  [`${O}/templates`, { templates: {}, orgHasTemplates: false, hasAccessError: false, hasUpstreamError: false }],
  [`${O}/policygroups`, { policyGroups: [] }],
  [`${O}/policypacks`, { policyPacks: [] }],
])("GET %s is empty", async (path, answer) => {
  const response = await call("GET", path, { token: world.member });
  expect([response.status, await response.json()]).toEqual([200, answer]);
});

it.each<[path: string, json: unknown, status: number]>([
  ["events", { sequence: 0, timestamp: 0, stdoutEvent: { message: "", color: "" } }, 200],
  ["log", { kind: "x", fields: {} }, 204],
])("POST X/%s of a very old client is taken", async (path, json, status) => {
  const response = await call("POST", `${update.path}/${path}`, { lease: update.lease, json });
  expect([response.status, await response.text()]).toEqual([status, ""]);
});
