import { expect, inject } from "vitest";

interface Call {
  token: string;
  json?: unknown;
  url?: string;
}

/** A request as an administrator makes it by hand, with curl. */
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
  org: string;
  id: string;
  name: string;
  value: string;
}

const adminOf = (org: string) => inject("people")[org]!["admin"]!;

/** A new organization token, of acme unless `org` says otherwise, as its administrator creates it. */
export async function newOrgToken(
  name: string,
  options: { org?: string; url?: string; admin?: string; more?: Record<string, unknown> } = {},
): Promise<OrgToken> {
  const { org = "acme" } = options;
  const made = await ask<{ id: string; tokenValue: string }>("POST", `/api/orgs/${org}/tokens`, {
    token: options.admin ?? adminOf(org),
    json: { name, ...options.more },
    ...(options.url !== undefined && { url: options.url }),
  });
  return { org, id: made.id, name, value: made.tokenValue };
}

/** @returns the status of the answer */
export async function deleteOrgToken({ org, id }: OrgToken): Promise<number> {
  const response = await request("DELETE", `/api/orgs/${org}/tokens/${id}`, { token: adminOf(org) });
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

/** The events of a token in the audit log, oldest first, once all events in `expected` are there: they arrive a moment later. */
export async function auditOf(token: OrgToken, ...expected: string[]): Promise<AuditEvent[]> {
  for (let i = 0; ; i++) {
    const { auditLogEvents } = await ask<{ auditLogEvents: AuditEvent[] }>(
      "GET",
      `/api/orgs/${token.org}/auditlogs/v2?tokenFilter=${token.id}&maxResults=100`,
      { token: adminOf(token.org) },
    );
    const names = auditLogEvents.map((event) => event.event);
    const missing = expected.filter((name) => !names.includes(name));
    if (missing.length === 0) return auditLogEvents.toReversed();
    if (i === 300) expect(names, `the audit log of token ${token.name}`).toEqual(expect.arrayContaining(expected));
    await new Promise((done) => setTimeout(done, 100));
  }
}
