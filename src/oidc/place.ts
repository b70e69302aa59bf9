import { and, eq, sql } from "drizzle-orm";
import { settingsColumns } from "../auth/settings.ts";
import type { OrganizationRef, OrgSettings, RequestContext } from "../context.ts";
import { type Store, batch, enterPlace, openStore } from "../db/client.ts";
import { DIRECTORY, everyPlace } from "../db/places.ts";
import { organizations } from "../orgs/table.ts";
import { teams } from "../teams/table.ts";
import { users } from "../users/table.ts";
import type { IssuerRow } from "./issuer.ts";
import { areOld } from "./refresh.ts";
import type { ExchangeRequest } from "./request.ts";
import { oidcIssuers } from "./table.ts";

/** The team or the person that a token is for. */
export interface Owner {
  id: string;
  /** The name as it is written where it was created. */
  name: string;
  fullName: string;
}

/** The rows that an exchange needs: the organization, the issuer, and the owner of the token. */
export interface Place {
  org: OrganizationRef & { settings: OrgSettings };
  issuer: IssuerRow;
  /** Undefined for an organization token, and for a name that is unknown. */
  owner: Owner | undefined;
}

type Asked = Pick<ExchangeRequest, "orgName" | "wanted">;

/**
 * Finds the organization of that name, the issuer of the presented token in it, and the team or person that the new token is for. The
 * request continues in the database of the organization, which no other id or token of the request names.
 * @throws 503 if no database that answers has the organization, and one does not answer
 */
export async function findPlace(ctx: RequestContext, asked: Asked, iss: string): Promise<Partial<Place>> {
  enterPlace(ctx, DIRECTORY);
  const found = await readPlace(ctx.store, asked, iss);
  if (found.org) return found;
  // One organization has the name in the whole deployment. If an operator has given it to several organizations, it names none of them.
  const others = everyPlace(ctx.env).slice(1).map(openStore);
  const answers = await Promise.allSettled(others.map(async (store) => ({ store, place: await readPlace(store, asked, iss) })));
  const having = answers.flatMap((answer) => (answer.status === "fulfilled" && answer.value.place.org ? [answer.value] : []));
  const failed = answers.find(({ status }) => status === "rejected") as PromiseRejectedResult | undefined;
  if (having.length === 0 && failed) throw failed.reason;
  if (having.length !== 1) return found;
  enterPlace(ctx, having[0]!.store.place);
  return having[0]!.place;
}

/** Reads these rows from one database in one batch, so that a call about an unknown organization takes as long as any other. */
async function readPlace(store: Store, { orgName, wanted: { tokenType, name } }: Asked, iss: string): Promise<Partial<Place>> {
  const { db } = store;
  const named = eq(organizations.name, orgName);
  const orgId = sql`(SELECT organizations.id FROM organizations WHERE ${named})`;
  const [orgs, issuers, ofTeam, ofPerson] = await batch(store, [
    db.select({ id: organizations.id, name: organizations.name, settings: settingsColumns }).from(organizations).where(named),
    db
      .select()
      .from(oidcIssuers)
      .where(and(eq(oidcIssuers.issuer, iss), sql`${oidcIssuers.orgId} = ${orgId}`)),
    db
      .select({ id: teams.id, name: teams.name, fullName: teams.displayName })
      .from(teams)
      .where(sql`${teams.orgId} = ${orgId} AND lower(${teams.name}) = lower(${tokenType === "team" ? name : ""})`),
    db
      .select({ id: users.id, name: users.login, fullName: users.name })
      .from(users)
      .where(sql`lower(${users.login}) = lower(${tokenType === "personal" ? name : ""})`),
  ]);
  return { org: orgs[0], issuer: issuers[0], owner: ofTeam[0] ?? ofPerson[0] };
}

/** Places of exchanges that succeeded in this isolate, and when they were read. Each place has at most 128 KB. */
const places = new Map<string, { place: Place; readAt: number }>();
export const MOST_REMEMBERED = 50;
/** Milliseconds after which a place is read again, and the valid tokens of its issuer are counted again. */
const KEPT = 60_000;

const keyOf = ({ orgName, wanted: { tokenType, name } }: Asked, iss: string) => JSON.stringify([orgName, iss, tokenType, name]);

/** The place of an earlier exchange. It may have changed: the batch that creates a token compares it with the database. */
export function rememberedPlace(asked: Asked, iss: string, now: number): Place | undefined {
  const known = places.get(keyOf(asked, iss));
  return known && now - known.readAt < KEPT && !areOld(known.place.issuer, now) ? known.place : undefined;
}

/** Remembers a place that was just read. */
export function rememberPlace(asked: Asked, iss: string, place: Place, readAt: number): void {
  if (places.size >= MOST_REMEMBERED) places.clear();
  places.set(keyOf(asked, iss), { place, readAt });
}

export const forgetPlace = (asked: Asked, iss: string): void => void places.delete(keyOf(asked, iss));
