import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import type { Webhook } from "../../src/webhooks/openapi.ts";
import { type Visitor, fieldsOf, shown, signIn } from "../support/browser.ts";
import { ok } from "../support/client.ts";
import { changesNothing } from "../support/stored.ts";
import { type World, newStack, newWorld } from "../support/world.ts";
import { Destination, HOOKS, STACK_HOOKS, newHook, newStackHook, reachable, signaturesOf } from "../webhooks/support/hooks.ts";

let world: World;
let admin: Visitor;
let destination: Destination;
beforeEach(async () => {
  world = await newWorld();
  admin = await signIn(world.admin);
  await newStack(world.member);
  destination = new Destination(9150);
  reachable(destination);
});

const owners = [
  { owner: "the organization", at: "/acme/~", api: HOOKS },
  { owner: "a stack", at: "/acme/web/dev", api: STACK_HOOKS },
];
const hooksOf = (api: string) => ok<Webhook[]>("GET", api, { token: world.admin });
const form = (more: Record<string, string> = {}) => ({
  displayName: "Deploys",
  payloadUrl: `${destination.url}/in?key=abcd`,
  format: "raw",
  secretKind: "new",
  "filter.update_failed": "yes",
  ...more,
});

describe.each(owners)("a webhook of $owner", ({ at, api }) => {
  it("is added with a secret that is shown once, pinged, disabled, enabled, changed and deleted by typing its name", async () => {
    expect(await shown(admin.get(`${at}/webhooks`))).toContain("No webhooks yet");
    await shown(admin.get(`${at}/new-webhook`));
    const added = await admin.post(`${at}/new-webhook`, form());
    expect(added.status, await added.clone().text()).toBe(303);
    const to = added.headers.get("Location")!;
    const secret = /whsec_[A-Za-z0-9+/]{43}=/.exec(await shown(admin.with(added).get(to)))?.[0];
    expect(await shown(admin.with(added).get(to))).not.toContain("whsec_");
    const [hook] = (await hooksOf(api)) as [Webhook];
    expect(hook).toMatchObject({ displayName: "Deploys", filters: ["update_failed"], groups: [], active: true, hasSecret: true });
    const HOOK = `${at}/webhooks/${hook.name}`;

    const pinged = await admin.post(`${HOOK}/ping`, {});
    expect(pinged.status).toBe(303);
    const [message] = destination.arrived;
    expect(message!.headers.get("Pulumi-Webhook-Signature")).toBe((await signaturesOf(secret!, message!)).pulumi);
    const delivery = await shown(admin.get(pinged.headers.get("Location")!));
    for (const text of ["delivered", "ping", "Pulumi-Webhook-ID", message!.id]) expect(delivery).toContain(text);
    expect(delivery).not.toContain("key=abcd");
    expect(delivery).not.toContain(message!.headers.get("Pulumi-Webhook-Signature"));
    expect(await shown(admin.get(HOOK))).toContain("An update failed");
    expect(await shown(admin.get(`${at}/webhooks`))).not.toContain("key=abcd");

    expect((await admin.post(`${HOOK}/disable`, {})).status).toBe(303);
    expect(await hooksOf(api)).toMatchObject([{ active: false, payloadUrl: `${destination.url}/in?key=abcd`, hasSecret: true }]);
    expect((await admin.post(`${HOOK}/enable`, {})).status).toBe(303);
    // The fields of the form contain what is stored.
    const untouched = fieldsOf(await shown(admin.get(`${HOOK}/edit`)), `${HOOK}/edit`);
    expect((await admin.post(`${HOOK}/edit`, untouched)).status).toBe(303);
    expect(await hooksOf(api)).toEqual([hook]);
    const changed = { ...untouched, displayName: "Renamed", "group.stacks": "yes", secretKind: "none" };
    expect((await admin.post(`${HOOK}/edit`, changed)).status).toBe(303);
    expect(await hooksOf(api)).toMatchObject([
      { displayName: "Renamed", filters: ["update_failed"], groups: ["stacks"], hasSecret: false },
    ]);

    expect(await shown(admin.post(`${HOOK}/delete`, { confirmation: "Deploys" }), 400)).toContain("This is not the name.");
    expect((await admin.post(`${HOOK}/delete`, { confirmation: "Renamed" })).status).toBe(303);
    expect(await hooksOf(api)).toEqual([]);
  });

  it("shows a failure, and sends the message again", async () => {
    const hook = await (api === HOOKS ? newHook : newStackHook)(world, destination);
    const HOOK = `${at}/webhooks/${hook.name}`;
    destination.answer = () => new Response("<b>no</b>", { status: 500 });
    const pinged = await admin.post(`${HOOK}/ping`, {});
    const delivery = pinged.headers.get("Location")!;
    const page = await shown(admin.get(delivery));
    for (const text of ["The destination answered with status 500.", "&lt;b&gt;no&lt;/b&gt;"]) expect(page).toContain(text);
    expect(await shown(admin.get(HOOK))).toContain("The destination answered with status 500.");
    destination.answer = () => new Response("ok");
    expect((await admin.post(`${delivery}/redeliver`, {})).status).toBe(303);
    expect(await shown(admin.get(delivery))).toContain("delivered");
    expect(new Set(destination.arrived.map(({ id }) => id)).size).toBe(1);
    await shown(admin.get(`${HOOK}/deliveries/nowhere`), 404);
    await shown(admin.post(`${HOOK}/deliveries/nowhere/redeliver`, {}), 404);
  });

  it.each([
    [{ payloadUrl: "http://10.0.0.1/" }, "an address must begin with https://"],
    [{ payloadUrl: "" }, "payloadUrl must begin with https://"],
    [{ displayName: " " }, "displayName must have 1 to 100 characters"],
    [{ format: "pulumi_deployments" }, "pulumi_deployments"],
  ])("with the fault %j is not added", async (faulty, reason) => {
    const page = await shown(admin.post(`${at}/new-webhook`, form(faulty as Record<string, string>)), 400);
    expect(page.replaceAll("&#39;", "'")).toContain(reason);
    expect(await hooksOf(api)).toEqual([]);
  });

  it("is for those who have the right", async () => {
    const { name } = await (api === HOOKS ? newHook : newStackHook)(world, destination);
    const bob = await signIn(world.stranger);
    await changesNothing(async () => {
      for (const path of ["webhooks", "new-webhook", `webhooks/${name}`, `webhooks/${name}/edit`, `webhooks/${name}/delete`])
        expect([403, 404]).toContain((await bob.get(`${at}/${path}`)).status);
      for (const action of ["ping", "enable", "disable", "edit", "delete"])
        expect([403, 404]).toContain((await bob.post(`${at}/webhooks/${name}/${action}`, form({ confirmation: "A webhook" }))).status);
    });
    await shown(admin.get(`${at}/webhooks/nowhere`), 404);
  });
});

it("keeps the events that the form does not show", async () => {
  const filters = ["deployment_failed", "update_succeeded"];
  const { name } = await newHook(world, destination, { filters, groups: ["environments"] });
  const path = `/acme/~/webhooks/${name}/edit`;
  const untouched = fieldsOf(await shown(admin.get(path)), path);
  expect(untouched).not.toHaveProperty(["filter.deployment_failed"]);
  expect((await admin.post(path, { ...untouched, "filter.token_leaked": "yes" })).status).toBe(303);
  expect(await hooksOf(HOOKS)).toMatchObject([{ filters: [...filters, "token_leaked"], groups: ["environments"] }]);
});

it("warns of a webhook that was disabled because of its failures or its credential", async () => {
  const { name } = await newHook(world, destination);
  for (const [reason, text] of [
    ["failing", "It failed for five days"],
    ["gone", "it does not exist any more"],
    ["revoked", "The credential that set it up was revoked"],
  ]) {
    await env.DB.prepare("UPDATE webhooks SET active = 0, disabled_for = ?").bind(reason).run();
    for (const path of ["/acme/~/webhooks", `/acme/~/webhooks/${name}`]) expect(await shown(admin.get(path))).toContain(text);
  }
  await env.DB.prepare("UPDATE webhooks SET sealed = 'AAAA'").run();
  expect(await shown(admin.post(`/acme/~/webhooks/${name}/enable`, {}), 400)).toContain("the stored address cannot be read any more");
});

it("offers a digest in place of events, for the organization only", async () => {
  await shown(admin.get("/acme/~/new-webhook"));
  const added = await admin.post("/acme/~/new-webhook", form({ digest: "weekly", secretKind: "none" }));
  expect(added.status, await added.clone().text()).toBe(303);
  const [hook] = (await hooksOf(HOOKS)) as [Webhook];
  expect(hook).toMatchObject({ digest: "weekly", filters: [], groups: [] });
  const path = `/acme/~/webhooks/${hook.name}`;
  expect(await shown(admin.get(path))).toContain("A digest each Monday at 08:00 UTC");
  for (const action of ["disable", "enable"]) expect((await admin.post(`${path}/${action}`, {})).status).toBe(303);
  const untouched = fieldsOf(await shown(admin.get(`${path}/edit`)), `${path}/edit`);
  expect((await admin.post(`${path}/edit`, untouched)).status).toBe(303);
  expect(await hooksOf(HOOKS)).toEqual([hook]);
  expect((await admin.post(`${path}/edit`, { ...untouched, digest: "", "filter.update_failed": "yes" })).status).toBe(303);
  expect(await hooksOf(HOOKS)).toMatchObject([{ digest: null, filters: ["update_failed"] }]);
  expect(await shown(admin.post(`${path}/edit`, { ...untouched, digest: "hourly" }), 400)).toContain(
    "digest must be daily, weekly or null",
  );
  expect(await shown(admin.get("/acme/web/dev/new-webhook"))).not.toContain('name="digest"');
});
