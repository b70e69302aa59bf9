import { env } from "cloudflare:workers";
import { appendToChains } from "../../src/audit/append.ts";
import type { AuditEvent } from "../../src/audit/record.ts";
import type { Bindings } from "../../src/env.ts";
import { call, ok } from "./client.ts";

export const DAY = 86_400_000;
/** The time of the first event. */
export const START = Date.UTC(2026, 0, 1);
/** The path of the log's operations. */
export const base = "/api/orgs/acme/auditlogs";

/** The event of this number, which happens an hour after the one before. */
export const eventOf = (orgId: string, i: number, at = START + i * 3_600_000): AuditEvent => ({
  id: `e-${String(i).padStart(5, "0")}`,
  orgId,
  at,
  event: i % 2 === 0 ? "stack-created" : "stack-deleted",
  description: `Event ${i}.`,
  sourceIp: "203.0.113.9",
  userLogin: "mel",
  userName: "mel",
  tokenId: "t",
  tokenName: "ci",
  stack: "web/dev",
  openedWith: "",
  reqOrgAdmin: false,
  reqStackAdmin: false,
  authFailure: false,
});

/** Writes the events of these numbers into the organization's chain. */
export async function happen(orgId: string, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i += 300)
    await appendToChains(
      env as Bindings,
      Array.from({ length: Math.min(300, to - i) }, (_, k) => eventOf(orgId, i + k)),
    );
}

export interface Verdict {
  valid: boolean;
  verified: number;
  last?: { sequence: number };
  firstBad?: { sequence: number; fault: string };
  checkpoints: { verified: number; unverifiable: number; missing: number; firstFault?: object };
  continuationToken?: string;
}

/** Verifies the whole log, by following the cursor to the end. */
export async function verifyLog(token: string, query = ""): Promise<Verdict> {
  const sum = { valid: true, verified: 0, checkpoints: { verified: 0, unverifiable: 0, missing: 0 } };
  for (let cursor = ""; ;) {
    const verdict = await ok<Verdict>("GET", `${base}/verify?${query}${cursor}`, { token });
    sum.valid &&= verdict.valid;
    sum.verified += verdict.verified;
    for (const name of ["verified", "unverifiable", "missing"] as const) sum.checkpoints[name] += verdict.checkpoints[name];
    sum.checkpoints = { ...verdict.checkpoints, ...sum.checkpoints };
    if (!verdict.continuationToken) return { ...verdict, ...sum };
    cursor = `&continuationToken=${verdict.continuationToken}`;
  }
}

export const exportLog = async (token: string, query: string) => (await call("GET", `${base}/v2/export?${query}`, { token })).text();

/** The records as the offline verifier reads them. */
export const linesOfLog = async (token: string) => (await exportLog(token, "format=jsonl")).split("\n").slice(0, -1);
