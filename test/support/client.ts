import { exports } from "cloudflare:workers";
import { expect } from "vitest";
import { contractOf } from "../../src/app/openapi.ts";
import { DryRun } from "../../src/dryRuns/openapi.ts";
import { routes } from "../../src/app/routes.ts";
import { deviation } from "./contract.ts";

export interface Call {
  token?: string | undefined;
  /** The lease of a running update. */
  lease?: string | undefined;
  json?: unknown;
  body?: BodyInit;
  headers?: Record<string, string>;
  /** The country from which the platform says that the call comes. */
  country?: string;
}

/**
 * Calls the whole Worker, as a client does. Every answer is compared with the route's own contract: the status, the shape, and a numeric
 * `code` in every refusal.
 */
export async function call(method: string, path: string, options: Call = {}): Promise<Response> {
  const headers = new Headers({ "Content-Type": "application/json", "CF-Connecting-IP": "203.0.113.9", ...options.headers });
  if (options.token !== undefined) headers.set("Authorization", `token ${options.token}`);
  if (options.lease !== undefined) headers.set("Authorization", `update-token ${options.lease}`);
  const body = options.json === undefined ? options.body : JSON.stringify(options.json);
  const response = await exports.default.fetch(`https://stackpass.test${path}`, {
    method,
    headers,
    ...(body !== undefined && { body }),
    ...(options.country && { cf: { country: options.country } }),
  });
  await hold(method, path, response.clone());
  return response;
}

/** Makes a call that must succeed. @returns the JSON of the answer */
export async function ok<T = Record<string, unknown>>(method: string, path: string, options: Call = {}): Promise<T> {
  const response = await call(method, path, options);
  const text = await response.text();
  expect(response.status, text).toBeLessThan(300);
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

/** Expects a refusal. @returns its message */
export async function refused(status: number, method: string, path: string, options: Call = {}): Promise<string> {
  const response = await call(method, path, options);
  const text = await response.text();
  expect(response.status, text).toBe(status);
  return (JSON.parse(text) as { message: string }).message;
}

async function hold(method: string, path: string, response: Response): Promise<void> {
  expect(response.headers.get("X-Pulumi-Request-ID")).toMatch(/^[0-9a-f-]{36}$/);
  if (method === "HEAD" || response.body === null) expect(response.headers.get("Content-Type")).toBe("application/octet-stream");
  if (response.status >= 400) {
    if (method === "HEAD") return;
    const refusal = (await response.json()) as { code: unknown; message: unknown };
    expect(refusal.code).toBe(response.status);
    expect(refusal.message).toBeTypeOf("string");
    expect(response.status, String(refusal.message)).not.toBe(500);
    return;
  }
  const definition = definitionOf(method, path);
  const isDryRun = new URL(path, "https://stackpass.test").searchParams.get("dryRun") === "true" && method !== "GET";
  const schema = isDryRun ? DryRun : definition && contractOf(definition).answers[response.status];
  expect(schema, `${method} ${path} answers ${response.status}, which its contract does not name`).not.toBeUndefined();
  if (!schema) return;
  const body = await response.json();
  schema.parse(body);
  if (isDryRun || !definition) return;
  const wrong = deviation(definition.operationId, response.status, body);
  expect(wrong, `${definition.operationId}, by the public contract:\n${wrong}`).toBeUndefined();
}

/** The routes with patterns of their paths, those with the fewest parameters first. */
const patterns = routes
  .map(({ definition }) => ({ definition, pattern: new RegExp(`^${definition.path.replaceAll(/\{\w+\}/g, "[^/]+")}$`) }))
  .sort((a, b) => a.definition.path.split("{").length - b.definition.path.split("{").length);

const definitionOf = (method: string, path: string) =>
  patterns.find(({ definition, pattern }) => definition.method === method && pattern.test(path.split("?")[0]!))?.definition;
