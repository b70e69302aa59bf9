import { expect, inject } from "vitest";

interface Call {
  token: string;
  json?: unknown;
  url?: string;
}

/** What an administrator does by hand, with curl. */
export const request = (method: string, path: string, { token, json, url }: Call): Promise<Response> =>
  fetch(`${url ?? inject("url")}${path}`, {
    method,
    headers: { Authorization: `token ${token}`, "Content-Type": "application/json" },
    ...(json !== undefined && { body: JSON.stringify(json) }),
  });

export async function ask<T>(method: string, path: string, call: Call): Promise<T> {
  const response = await request(method, path, call);
  const text = await response.text();
  expect(response.status, `${method} ${path}: ${text}`).toBeLessThan(300);
  return JSON.parse(text) as T;
}

export interface OrgToken {
  id: string;
  name: string;
  value: string;
}

/** An organization token of acme, made as its administrator makes it. */
export async function newOrgToken(name: string, options: { url?: string; admin?: string } = {}): Promise<OrgToken> {
  const token = options.admin ?? inject("people")["acme"]!["admin"]!;
  const made = await ask<{ id: string; tokenValue: string }>("POST", "/api/orgs/acme/tokens", {
    token,
    json: { name },
    ...(options.url !== undefined && { url: options.url }),
  });
  return { id: made.id, name, value: made.tokenValue };
}

/** @returns the status of the answer */
export async function deleteOrgToken({ id }: OrgToken): Promise<number> {
  const response = await request("DELETE", `/api/orgs/acme/tokens/${id}`, { token: inject("people")["acme"]!["admin"]! });
  return response.status;
}

export interface AuditEvent {
  timestamp: number;
  event: string;
  description: string;
  tokenID?: string;
  tokenName?: string;
  user: { githubLogin: string };
}

/** What the audit log says of a token, oldest first, once it says all of `expected`: events arrive a moment later. */
export async function auditOf(token: OrgToken, ...expected: string[]): Promise<AuditEvent[]> {
  for (let i = 0; ; i++) {
    const { auditLogEvents } = await ask<{ auditLogEvents: AuditEvent[] }>(
      "GET",
      `/api/orgs/acme/auditlogs/v2?tokenFilter=${token.id}&maxResults=100`,
      { token: inject("people")["acme"]!["admin"]! },
    );
    const names = auditLogEvents.map((event) => event.event);
    const missing = expected.filter((name) => !names.includes(name));
    if (missing.length === 0) return auditLogEvents.toReversed();
    if (i === 300) expect(names, `the audit log of token ${token.name}`).toEqual(expect.arrayContaining(expected));
    await new Promise((done) => setTimeout(done, 100));
  }
}
