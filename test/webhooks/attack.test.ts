import { runInDurableObject } from "cloudflare:test";
import { beforeEach, describe, expect, it } from "vitest";
import type { Webhook, WebhookDelivery } from "../../src/webhooks/openapi.ts";
import { ok, refused } from "../support/client.ts";
import { eventually } from "../support/clock.ts";
import { type World, newStack, newWorld } from "../support/world.ts";
import { Destination, HOOKS, bindings, deliveriesOf, hookTo, newHook, reachable, rowOf, signaturesOf } from "./support/hooks.ts";

/** Tests attacks on webhooks, and mistakes of callers, destinations and programs. */
let world: World;
let destination: Destination;
beforeEach(async () => {
  world = await newWorld();
  destination = new Destination(9310);
  reachable(destination);
});

const senderOf = async (name: string) => bindings.WEBHOOKS.get(bindings.WEBHOOKS.idFromName(String((await rowOf(name))!["id"])));
const ping = (name: string) => ok<WebhookDelivery>("POST", `${HOOKS}/${name}/ping`, { token: world.admin });

describe("the address of a webhook", () => {
  it("is returned as it was sent, so that a program finds no difference", async () => {
    const token = world.admin;
    const name = "as-sent";
    for (const [i, payloadUrl] of [
      "https://Hooks.Example.com",
      "https://hooks.example.com:443?a=%41",
      "https://hooks.example.com/a/../b",
    ].entries()) {
      const json = hookTo(payloadUrl, { name });
      const path = i === 0 ? HOOKS : `${HOOKS}/${name}`;
      expect((await ok<Webhook>(i === 0 ? "POST" : "PATCH", path, { token, json })).payloadUrl).toBe(payloadUrl);
      expect((await ok<Webhook>("GET", `${HOOKS}/${name}`, { token })).payloadUrl).toBe(payloadUrl);
    }
    expect(await rowOf(name)).toMatchObject({ destination: "hooks.example.com" });
  });

  it.each([
    " https://example.com",
    "https://example.com/a b",
    "https://exam\tple.com",
    "https://example.com/\r\nX: y",
    "https://example.com/\ud800",
  ])("has no characters that a parser removes: %j", async (payloadUrl) => {
    expect(await refused(400, "POST", HOOKS, { token: world.admin, json: hookTo(payloadUrl) })).toContain("payloadUrl");
  });

  it("is not in the deliveries, which more callers may read", async () => {
    await newHook(world, destination, { name: "path", payloadUrl: `${destination.url}/the-credential-in-the-path` });
    destination.answer = () => new Response("Cannot POST /the-credential-in-the-path", { status: 404 });
    expect(await ping("path")).toMatchObject({ requestUrl: `${destination.url}/…`, responseBody: "Cannot POST /…" });
    expect(JSON.stringify(await deliveriesOf(world, "path"))).not.toContain("the-credential");
  });
});

describe("a destination that repeats the request", () => {
  const SECRET = 'a "secret"/+&<ü>';
  const secrets = [SECRET, "key-in-the-path", "the value/of", "the%20value%2Fof", "the+value", "only-a-key"];

  it("shows no reader the secret, the signatures or parts of the address, however it spells them", async () => {
    const payloadUrl = `${destination.url}/in/key-in-the-path?token=the%20value%2Fof&x=the+value&only-a-key`;
    await newHook(world, destination, { name: "echo", secret: SECRET, payloadUrl });
    destination.answer = ({ headers, url, body }) => {
      const { pathname, search, searchParams } = new URL(url);
      const all = {
        headers: Object.fromEntries(headers),
        args: Object.fromEntries(searchParams),
        url,
        pathname,
        search,
        body,
        secret: SECRET,
      };
      const json = JSON.stringify(all);
      return new Response(`${json}\n${json.replaceAll("/", "\\/")}\n${json.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}`, {
        headers: { "X-Signature": headers.get("Pulumi-Webhook-Signature")!, "X-Token": searchParams.get("token")! },
      });
    };
    const { responseBody, responseHeaders, requestHeaders } = await ping("echo");
    const { pulumi, standard } = await signaturesOf(SECRET, destination.arrived[0]!);
    const shown = `${responseBody}${responseHeaders}${requestHeaders}`;
    for (const hidden of [
      ...secrets,
      JSON.stringify(SECRET).slice(1, -1),
      pulumi,
      standard,
      standard.slice(3),
      standard.slice(3).replaceAll("/", "\\/"),
    ])
      expect(shown).not.toContain(hidden);
    expect(shown).toContain("This is a test message");
  });

  it("shows no begin of the secret where its answer is cut", async () => {
    await newHook(world, destination, { name: "cut", secret: "the-secret-at-the-cut" });
    destination.answer = () => new Response(`${"x".repeat(16 * 1024 - 10)}the-secret-at-the-cut`);
    expect((await ping("cut")).responseBody).toBe("x".repeat(16 * 1024 - 10));
  });
});

describe("calls at the same time", () => {
  const hang = async (_: unknown, signal: AbortSignal): Promise<Response> => {
    await new Promise<void>((done) => signal.addEventListener("abort", () => done()));
    throw new DOMException("aborted", "AbortError");
  };

  it("a ping of a webhook that is deleted or changed says so", async () => {
    for (const [i, method] of (["DELETE", "PATCH"] as const).entries()) {
      await newHook(world, destination, { name: `hangs-${i}` });
      destination.answer = hang;
      const pinged = ping(`hangs-${i}`);
      await eventually(async () => expect(destination.arrived).toHaveLength(i + 1));
      const json = hookTo(`${destination.url}/other`);
      await ok(method, `${HOOKS}/hangs-${i}`, { token: world.admin, ...(method === "PATCH" && { json }) });
      expect(await pinged).toMatchObject({ state: "failed", error: "The webhook was changed or deleted during the attempt." });
    }
  });

  it("calls for a webhook whose storage was just emptied find nothing", async () => {
    await newHook(world, destination, { name: "gone" });
    const { id } = await ping("gone");
    const sender = await senderOf("gone");
    await ok("DELETE", `${HOOKS}/gone`, { token: world.admin });
    await eventually(async () =>
      expect(await runInDurableObject(sender as never, (_, { storage }) => storage.get("webhookId"))).toBeUndefined(),
    );
    expect([
      await sender.list(Date.now()),
      await sender.kindOf(id),
      await sender.ping("none", 0),
      await sender.redeliver("none", id),
    ]).toEqual([[], undefined, undefined, undefined]);
    const message = { kind: "ping", raw: "{}", title: "", facts: [], tone: "plain" as const };
    await sender.add("none", [{ id, message, at: Date.now() }]);
    await eventually(async () => expect(await sender.kindOf(id)).toBeUndefined());
  });

  it("a message that waits goes on waiting when an attempt on demand fails", async () => {
    await newHook(world, destination, { name: "waits", groups: ["stacks"] });
    destination.answer = () => new Response("", { status: 500 });
    await newStack(world.member);
    await eventually(async () => expect((await deliveriesOf(world, "waits"))[0]).toMatchObject({ state: "waiting", attempts: 1 }));
    // This is as after an attempt that a change interrupted, which does not count.
    await runInDurableObject((await senderOf("waits")) as never, (_, { storage }) => {
      storage.sql.exec("UPDATE deliveries SET attempts = 0");
    });
    const { id } = destination.arrived[0]!;
    const again = await ok<WebhookDelivery>("POST", `${HOOKS}/waits/deliveries/${id}/redeliver`, { token: world.admin });
    expect(again).toMatchObject({ state: "waiting", attempts: 1, nextAttempt: expect.any(String) as string });
  });
});

describe("a secret", () => {
  it("that begins like one of Standard Webhooks has a key", async () => {
    const json = hookTo("https://example.com", { secret: "whsec_!no base64!" });
    expect(await refused(400, "POST", HOOKS, { token: world.admin, json })).toContain("base64");
    await newHook(world, destination, { secret: "whsec_YWJj" });
  });
});
