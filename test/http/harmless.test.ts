import { beforeEach, expect, it } from "vitest";
import { call } from "../support/client.ts";
import { type RunningUpdate, type World, newStack, newWorld, startUpdate } from "../support/world.ts";

/**
 * Tests operations of features that Stackpass lacks and the CLI calls (cli-protocol §6.2, §6.3 and the last column of §7): each answer
 * makes its command print a sensible message, and breaks no other command.
 */
const ORG_PATH = "/api/orgs/acme";
const STACK_PATH = "/api/stacks/acme/web/dev";

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
  ["POST", `${STACK_PATH}/begin-update`],
  ["GET", `${STACK_PATH}/policypacks`],
  ["GET", "/api/registry/templates/private/acme/thing/versions/latest"],
  ["POST", "/api/registry/templates/private/acme/thing/versions"],
  ["GET", `${ORG_PATH}/template/download?url=https%3A%2F%2Fexample.com`],
  ["GET", `${ORG_PATH}/resources/summary?granularity=daily&lookbackDays=30`],
  ["GET", `${ORG_PATH}/search/resources?query=x`],
  ["GET", `${ORG_PATH}/search/resources/parse?query=x`],
  ["GET", `${ORG_PATH}/search/resourcesv2?query=x`],
  ["POST", `${ORG_PATH}/policygroups`],
  ["GET", `${ORG_PATH}/policygroups/default`],
  ["PATCH", `${ORG_PATH}/policygroups/default`],
  ["DELETE", `${ORG_PATH}/policygroups/default`],
  ["POST", `${ORG_PATH}/policypacks`],
  ["DELETE", `${ORG_PATH}/policypacks/pack`],
  ["DELETE", `${ORG_PATH}/policypacks/pack/versions/1`],
  ["POST", `${ORG_PATH}/policypacks/pack/versions/1/complete`],
  ["GET", `${ORG_PATH}/policypacks/pack/versions/1/schema`],
  ["POST", `${ORG_PATH}/policyresults/issues`],
  ["GET", `${ORG_PATH}/policyresults/issues/1`],
  ["POST", `${ORG_PATH}/policyresults/compliance`],
  ["GET", `${STACK_PATH}/drift/runs`],
  ["GET", `${STACK_PATH}/drift/status`],
  ["GET", `${STACK_PATH}/deployments`],
  ["POST", `${STACK_PATH}/deployments`],
  ["GET", `${STACK_PATH}/deployments/1`],
  ["GET", `${STACK_PATH}/deployments/1/logs`],
  ["GET", `${STACK_PATH}/deployments/1/updates`],
  ["POST", `${STACK_PATH}/deployments/1/cancel`],
  ["GET", `${STACK_PATH}/deployments/version/1`],
  ["GET", `${STACK_PATH}/deployments/settings`],
  ["POST", `${STACK_PATH}/deployments/settings`],
  ["PUT", `${STACK_PATH}/deployments/settings`],
  ["DELETE", `${STACK_PATH}/deployments/settings`],
  ["POST", `${STACK_PATH}/deployments/settings/encrypt`],
  ["GET", `${STACK_PATH}/deployments/schedules`],
  ["POST", `${STACK_PATH}/deployments/drift/schedules`],
  ["POST", `${STACK_PATH}/deployments/ttl/schedules`],
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
  ["GET", `${STACK_PATH}/logs`],
  ["GET", `${STACK_PATH}/updates/1/contents/files`],
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
  [`${ORG_PATH}/templates`, { templates: {}, orgHasTemplates: false, hasAccessError: false, hasUpstreamError: false }],
  [`${ORG_PATH}/policygroups`, { policyGroups: [] }],
  [`${ORG_PATH}/policypacks`, { policyPacks: [] }],
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
