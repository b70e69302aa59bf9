import { env } from "cloudflare:workers";
import { expect, onTestFinished, vi } from "vitest";
import { fromBase64, toBase64, toHex } from "../../../src/bytes/base64.ts";
import type { Bindings } from "../../../src/env.ts";
import type { Webhook, WebhookDelivery } from "../../../src/webhooks/openapi.ts";
import { ok } from "../../support/client.ts";
import { eventually } from "../../support/clock.ts";
import { type World, startUpdate } from "../../support/world.ts";

export const bindings = env as Bindings;
export const HOOKS = "/api/orgs/acme/hooks";
export const STACK_HOOKS = "/api/stacks/acme/web/dev/hooks";

export interface Arrived {
  id: string;
  kind: string;
  body: string;
  headers: Headers;
  url: string;
}

/** A destination in memory. */
export class Destination {
  readonly arrived: Arrived[] = [];
  /** The answer to one message; it may throw, or never arrive. */
  answer: (message: Arrived, signal: AbortSignal) => Response | Promise<Response> = () => new Response("ok");
  readonly url: string;

  constructor(port: number) {
    this.url = `http://localhost:${port}`;
  }

  async receive(request: Request): Promise<Response> {
    const { headers, url } = request;
    const body = await request.text();
    const message = { id: headers.get("Pulumi-Webhook-ID")!, kind: headers.get("Pulumi-Webhook-Kind")!, body, headers, url };
    this.arrived.push(message);
    return this.answer(message, request.signal);
  }

  kinds = () => this.arrived.map(({ kind }) => kind);
  json = () => this.arrived.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
}

/** Until the test ends, the Worker reaches only these destinations, and nothing else. */
export function reachable(...destinations: Destination[]): void {
  const spy = vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input as Request, init as RequestInit);
    const destination = destinations.find(({ url }) => new URL(request.url).origin === url);
    if (!destination) throw new TypeError("Network connection lost.");
    return destination.receive(request);
  });
  onTestFinished(() => spy.mockRestore());
}

/** The body of a request for a webhook of acme. */
export const hookTo = (payloadUrl: string, more: Record<string, unknown> = {}) => ({
  organizationName: "acme",
  displayName: "A webhook",
  payloadUrl,
  active: true,
  ...more,
});

export const newHook = (world: World, { url }: { url: string }, more: Record<string, unknown> = {}) =>
  ok<Webhook>("POST", HOOKS, { token: world.admin, json: hookTo(`${url}/in`, more) });

export const newStackHook = (world: World, { url }: { url: string }, more: Record<string, unknown> = {}) =>
  ok<Webhook>("POST", STACK_HOOKS, { token: world.admin, json: hookTo(`${url}/in`, more) });

export const deliveriesOf = (world: World, name: string, path = HOOKS) =>
  ok<WebhookDelivery[]>("GET", `${path}/${name}/deliveries`, { token: world.admin });

export const rowOf = (name: string) => env.DB.prepare("SELECT * FROM webhooks WHERE name = ?").bind(name).first<Record<string, unknown>>();

/** Waits until every event is in the log, and the log was examined for webhooks. */
export const examined = () =>
  eventually(async () => {
    expect(await env.DB.prepare("SELECT count(*) AS n FROM audit_outbox").first("n")).toBe(0);
    const behind = "SELECT count(*) AS n FROM webhook_cursors JOIN audit_heads USING (org_id) WHERE audit_heads.seq > webhook_cursors.seq";
    expect(await env.DB.prepare(behind).first("n")).toBe(0);
  });

/** Runs an update of web/dev, or of another stack, from its creation to its end. */
export async function runUpdate(token: string, options: Parameters<typeof startUpdate>[1] = {}, status = "succeeded"): Promise<string> {
  const { id, path, lease } = await startUpdate(token, options);
  await ok("POST", `${path}/complete`, { lease, json: { status } });
  return id;
}

async function hmac(key: Uint8Array<ArrayBuffer>, text: string): Promise<Uint8Array> {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, new TextEncoder().encode(text)));
}

/** The signatures that a message must have. */
export async function signaturesOf(secret: string, { headers, body }: Arrived) {
  const utf8 = new TextEncoder().encode(secret) as Uint8Array<ArrayBuffer>;
  const standard = secret.startsWith("whsec_") ? fromBase64(secret.slice("whsec_".length)) : utf8;
  const content = `${headers.get("webhook-id")}.${headers.get("webhook-timestamp")}.${body}`;
  return { pulumi: toHex(await hmac(utf8, body)), standard: `v1,${toBase64(await hmac(standard, content))}` };
}
