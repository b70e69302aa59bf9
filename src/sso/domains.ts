import { and, eq, isNotNull, lte, sql } from "drizzle-orm";
import { relaySoon } from "../audit/relaySoon.ts";
import { nobody } from "../audit/behalf.ts";
import { auditEvent, auditIf, auditStatement, changedARow } from "../audit/record.ts";
import { guarded } from "../auth/guard.ts";
import { toHex } from "../bytes/base64.ts";
import type { OrgContext } from "../context.ts";
import { UniqueViolation, batch, openStore } from "../db/client.ts";
import { badRequest, conflict, notFound } from "../errors.ts";
import type { Bindings } from "../env.ts";
import { callOut } from "../http/outgoing.ts";
import { changeEvent, nextSettings } from "./connections.ts";
import type { Domain } from "./openapi.ts";
import { domains } from "./table.ts";

const MOST_DOMAINS = 100;
/** Two resolvers are asked, so that one of them cannot prove a domain by itself. */
const RESOLVERS = "https://cloudflare-dns.com/dns-query,https://dns.google/resolve";
const limits = { most: 16 * 1024, within: 5000 };
const LABEL = "_stackpass-challenge";
const PREFIX = "stackpass-domain-verification=";

type Row = typeof domains.$inferSelect;

const toDomain = ({ domain, challenge, provenAt, createdAt }: Row): Domain => ({
  domain,
  record: { name: `${LABEL}.${domain}`, type: "TXT", value: PREFIX + challenge },
  proven: provenAt !== null,
  ...(provenAt !== null && { provenAt: new Date(provenAt).toISOString() }),
  created: new Date(createdAt).toISOString(),
});

const thatDomain = (ctx: OrgContext, domain: string) => and(eq(domains.orgId, ctx.org.id), eq(domains.domain, domain));

export async function listDomains(ctx: OrgContext) {
  const [rows] = await guarded(ctx, [ctx.store.db.select().from(domains).where(eq(domains.orgId, ctx.org.id)).orderBy(domains.domain)]);
  return { domains: rows.map(toDomain) };
}

/** Adds a domain that the organization is about to prove. Adding it again changes nothing. */
export async function addDomain(ctx: OrgContext, domain: string): Promise<Domain> {
  const challenge = toHex(crypto.getRandomValues(new Uint8Array(16)));
  const event = changeEvent(ctx, `Added the domain ${domain}, which is not proved yet.`);
  const { db } = ctx.store;
  const isRoom = sql`(SELECT count(*) FROM domains AS old WHERE old.org_id = ${ctx.org.id}) < ${MOST_DOMAINS}`;
  const [, , rows] = await guarded(ctx, [
    db
      .insert(domains)
      .select(sql`SELECT ${ctx.org.id}, ${domain}, ${challenge}, ${ctx.now}, NULL, 0, 0 WHERE ${isRoom}`)
      .onConflictDoNothing(),
    auditIf(ctx.store, event, changedARow),
    db.select().from(domains).where(thatDomain(ctx, domain)),
  ]);
  if (!rows[0]) throw badRequest(`an organization has at most ${MOST_DOMAINS} domains`);
  relaySoon(ctx, event);
  return toDomain(rows[0]);
}

/**
 * Looks for the TXT record of a domain. @throws 404 for a domain that was not added, 400 if the record is not there yet, 409 if another organization has proved
 * the domain
 */
export async function verifyDomain(ctx: OrgContext, domain: string): Promise<Domain> {
  const { db } = ctx.store;
  const [rows] = await guarded(ctx, [db.select().from(domains).where(thatDomain(ctx, domain))]);
  const row = rows[0];
  if (!row) throw notFound("Domain");
  if (!(await hasRecord(ctx.env, row)))
    throw badRequest(
      `no TXT record ${LABEL}.${domain} with the value ${PREFIX}${row.challenge} was found. A new record can take some minutes to be visible; try again then`,
    );
  const event = changeEvent(ctx, `Proved the domain ${domain} by its TXT record.`);
  try {
    await guarded(ctx, [
      db.update(domains).set({ provenAt: ctx.now, checkedAt: ctx.now, failures: 0 }).where(thatDomain(ctx, domain)),
      nextSettings(ctx),
      auditStatement(ctx.store, event),
    ]);
  } catch (error) {
    if (error instanceof UniqueViolation)
      throw conflict("another organization of this server has proved this domain, and its record is still there");
    throw error;
  }
  relaySoon(ctx, event);
  return toDomain({ ...row, provenAt: ctx.now });
}

/** @throws 404 */
export async function removeDomain(ctx: OrgContext, domain: string): Promise<void> {
  const event = changeEvent(ctx, `Removed the domain ${domain}.`);
  const [, removed] = await guarded(ctx, [
    nextSettings(ctx, sql`EXISTS (SELECT 1 FROM ${domains} WHERE ${thatDomain(ctx, domain)})`),
    ctx.store.db.delete(domains).where(thatDomain(ctx, domain)).returning({ domain: domains.domain }),
    auditIf(ctx.store, event, changedARow),
  ]);
  if (!removed[0]) throw notFound("Domain");
  relaySoon(ctx, event);
}

/** Whether all resolvers find the record. A resolver that does not answer finds nothing. */
async function hasRecord(env: Bindings, { domain, challenge }: Pick<Row, "domain" | "challenge">): Promise<boolean> {
  const resolvers = (env.DNS_RESOLVERS ?? RESOLVERS).split(",");
  const found = await Promise.all(
    resolvers.map(async (resolver) => {
      try {
        const url = `${resolver.trim()}?${String(new URLSearchParams({ name: `${LABEL}.${domain}`, type: "TXT" }))}`;
        const { status, body } = await callOut(env, url, limits, { headers: { Accept: "application/dns-json" } });
        return status === 200 && textsIn(JSON.parse(new TextDecoder().decode(body))).includes(PREFIX + challenge);
      } catch {
        return false;
      }
    }),
  );
  return found.every(Boolean);
}

const TXT = 16;

/** The texts of a resolver's answer. A long text is sent in quoted pieces (identity-facts O-12). */
export function textsIn(answer: unknown): string[] {
  const { Status: status, Answer: records } = (answer ?? {}) as { Status?: unknown; Answer?: unknown };
  if (status !== 0 || !Array.isArray(records)) return [];
  return (records as unknown[]).flatMap((record) => {
    const { type, data } = (record ?? {}) as { type?: unknown; data?: unknown };
    return type === TXT && typeof data === "string"
      ? [data.startsWith('"') ? data.replace(/^"|"$/g, "").replaceAll(/" *"/g, "") : data]
      : [];
  });
}

const WEEK = 7 * 86_400_000;
const MOST_CHECKED = 20;
/** Checks in a row that may fail before the proof ends: a resolver may fail for a while. */
const MOST_FAILURES = 3;

/** Looks again for the records of proved domains, each once a week. A domain whose record is gone makes no members any more. */
export async function recheckDomains(env: Bindings, now: number): Promise<number> {
  const store = openStore(env);
  const due = and(isNotNull(domains.provenAt), lte(domains.checkedAt, now - WEEK));
  const [rows] = await batch(store, [store.db.select().from(domains).where(due).orderBy(domains.checkedAt).limit(MOST_CHECKED)]);
  for (const row of rows) {
    const failures = (await hasRecord(env, row)) ? 0 : row.failures + 1;
    const ends = failures >= MOST_FAILURES;
    const same = and(
      eq(domains.orgId, row.orgId),
      eq(domains.domain, row.domain),
      eq(domains.challenge, row.challenge),
      isNotNull(domains.provenAt),
    );
    const event = auditEvent({ now, address: "" }, row.orgId, nobody, {
      event: "saml-configuration-updated",
      description: `The domain ${row.domain} is not proved any more: its TXT record was missing ${MOST_FAILURES} times in a row.`,
    });
    await batch(store, [
      store.db
        .update(domains)
        .set({ checkedAt: now, failures, ...(ends && { provenAt: null }) })
        .where(same),
      ...(ends ? [auditIf(store, event, changedARow)] : []),
    ]);
  }
  return rows.length;
}
