import { beforeEach, describe, expect, it } from "vitest";
import { eventsOf } from "../support/audit.ts";
import { call, ok, refused } from "../support/client.ts";
import { component, deploymentOf, rootStack } from "../support/deployment.ts";
import { type World, newStack, newWorld, startUpdate } from "../support/world.ts";

let world: World;
let token: string;
beforeEach(async () => {
  world = await newWorld();
  token = world.member;
  await newStack(token);
});

const STACK_PATH = "/api/stacks/acme/web/dev";
const importState = (json: unknown) => ok("POST", `${STACK_PATH}/import`, { token, json });
const get = <T = Record<string, unknown>>(path: string) => ok<T>("GET", path, { token });
const secret = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", ciphertext: "AAAA" };
const shown = <T>(resource: T) => ({ resource: { ...resource, delete: false, dependencies: [] } });

describe("the resources of a stack", () => {
  it("are those of the latest state, or of any version", async () => {
    expect(await get(`${STACK_PATH}/resources/latest`)).toEqual({ region: "", version: 0, resources: [] });
    expect(await get(`${STACK_PATH}/resources/count`)).toEqual({ resourceCount: 0, version: 0 });
    await importState(deploymentOf([rootStack]));
    await importState(deploymentOf([rootStack, component("a", { password: secret })]));
    const latest = { region: "", version: 2, resources: [shown(rootStack), shown(component("a", { password: secret }))] };
    expect(await get(`${STACK_PATH}/resources/latest`)).toEqual(latest);
    expect(await get(`${STACK_PATH}/resources/2`)).toEqual(latest);
    expect(await get(`${STACK_PATH}/resources/1`)).toEqual({ region: "", version: 1, resources: [shown(rootStack)] });
    expect(await get(`${STACK_PATH}/resources/count`)).toEqual({ resourceCount: 2, version: 2 });
    for (const version of ["0", "3"]) await refused(404, "GET", `${STACK_PATH}/resources/${version}`, { token });
    for (const version of ["x", "-1", "1.5"]) await refused(400, "GET", `${STACK_PATH}/resources/${version}`, { token });
  });

  it("keep their text except for the added members", async () => {
    const text =
      '{"urn":"urn:pulumi:dev::web::a:b:C::x", "custom":true,"type":"a:b:C","dependencies":null,"inputs":{"n":9007199254740993,"é":"\\u003c"}}';
    await ok("POST", `${STACK_PATH}/import`, { token, body: `{"version":3,"deployment":{"resources":[${text}]}}` });
    const answer = await (await call("GET", `${STACK_PATH}/resources/latest`, { token })).text();
    expect(answer).toContain('"inputs":{"n":9007199254740993,"é":"\\u003c"}');
    expect(answer).toContain('"dependencies":[]');
  });

  it("are more than one chunk of an answer", async () => {
    const resources = Array.from({ length: 300 }, (_, i) => component(`c${i}`, { text: "x".repeat(2000) }));
    await importState(deploymentOf(resources));
    const answer = await get<{ resources: unknown[] }>(`${STACK_PATH}/resources/latest`);
    expect(answer.resources).toEqual(resources.map(shown));
  });

  it("stay those of the base while an update runs", async () => {
    await importState(deploymentOf([rootStack]));
    await startUpdate(token);
    expect(await get(`${STACK_PATH}/resources/latest`)).toMatchObject({ version: 1, resources: [shown(rootStack)] });
    await refused(404, "GET", `${STACK_PATH}/resources/2`, { token });
  });

  it("count as an export in the log and for the rights of the caller", async () => {
    await importState(deploymentOf([rootStack]));
    const events = await eventsOf(async () => {
      await get(`${STACK_PATH}/resources/latest`);
      await get(`${STACK_PATH}/resources/1/${encodeURIComponent(rootStack.urn)}`);
      await get("/api/console/stacks/acme/web/dev/overview");
      await get(`${STACK_PATH}/resources/count`);
    });
    expect(events.map(({ event, description }) => [event, description])).toEqual([
      ["stack-exported", 'Exported the resources of stack "acme/web/dev".'],
      ["stack-exported", 'Exported a resource of stack "acme/web/dev" at version 1.'],
      ["stack-exported", 'Exported the resources of stack "acme/web/dev".'],
    ]);
  });
});

describe("one resource", () => {
  const odd = [
    "urn:pulumi:dev::web::aws:s3/bucket:Bucket$aws:s3/bucketObject:BucketObject::a::b",
    "urn:pulumi:dev::web::my:index:Thing::folder/name%2Fwith ü?#&+",
    "urn:pulumi:dev::web::my:index:Thing::100%",
  ];

  it("is found by its URN, whatever is in it", async () => {
    await importState(deploymentOf([rootStack, ...odd.map((urn) => ({ ...component("x"), urn }))]));
    for (const urn of odd) {
      const answer = { region: "", version: 1, resource: shown({ ...component("x"), urn }) };
      expect(await get(`${STACK_PATH}/resources/latest/${encodeURIComponent(urn)}`), urn).toEqual(answer);
      expect(await get(`${STACK_PATH}/resources/1/${encodeURIComponent(urn)}`), urn).toEqual(answer);
    }
    expect(await get(`${STACK_PATH}/resources/latest/${rootStack.urn}`)).toMatchObject({ resource: shown(rootStack) });
  });

  it("is 404 when the state does not contain it", async () => {
    await refused(404, "GET", `${STACK_PATH}/resources/latest/${encodeURIComponent(rootStack.urn)}`, { token });
    await importState(deploymentOf([rootStack]));
    for (const urn of ["x", "%20", "..%2F..", rootStack.urn.toUpperCase(), `${rootStack.urn}%00`])
      await refused(404, "GET", `${STACK_PATH}/resources/latest/${urn}`, { token });
    await refused(404, "GET", `${STACK_PATH}/resources/2/${rootStack.urn}`, { token });
  });

  it("is the one that stays, where another of its name is to be deleted", async () => {
    const gone = { ...component("x"), delete: true, inputs: { old: 1 } };
    await importState(deploymentOf([gone, component("x", { new: 1 })]));
    expect(await get(`${STACK_PATH}/resources/latest/${component("x").urn}`)).toMatchObject({
      resource: { resource: { inputs: { new: 1 }, delete: false } },
    });
    await importState(deploymentOf([gone]));
    expect(await get(`${STACK_PATH}/resources/latest/${component("x").urn}`)).toMatchObject({ resource: { resource: { delete: true } } });
  });
});

it("the overview has tags, references and resources", async () => {
  await importState(deploymentOf([rootStack]));
  await ok("PATCH", `${STACK_PATH}/tags`, { token, json: { owner: "us" } });
  expect(await get("/api/console/stacks/acme/web/dev/overview")).toEqual({
    tags: { owner: "us" },
    referencedStacks: [],
    resources: { region: "", version: 1, resources: [shown(rootStack)] },
  });
  await refused(404, "GET", "/api/console/stacks/acme/web/none/overview", { token });
});
