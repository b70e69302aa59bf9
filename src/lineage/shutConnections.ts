import { type SQL, and, isNull, sql } from "drizzle-orm";
import type { Store } from "../db/client.ts";
import { organizations } from "../orgs/table.ts";
import { connections } from "../sso/table.ts";
import { accessTokens } from "../tokens/table.ts";

/**
 * Statements that disable connections for single sign-on whose credential was revoked, and end what they opened. An administrator has to enable them
 * again. @param which SQL for the ids of enabled connections
 */
export const shutConnections = ({ db }: Store, which: SQL, now: number) =>
  [
    db
      .update(accessTokens)
      .set({ deletedAt: now })
      .where(
        and(
          isNull(accessTokens.deletedAt),
          sql`${accessTokens.identityId} IN (SELECT identities.id FROM identities WHERE identities.connection_id IN ${which})`,
        ),
      ),
    // A sign-in through it proves nothing any more, so each guard in its organization checks again.
    db
      .update(organizations)
      .set({ settingsVersion: sql`${organizations.settingsVersion} + 1` })
      .where(sql`${organizations.id} IN (SELECT shut.org_id FROM connections AS shut WHERE shut.id IN ${which})`),
    db
      .update(connections)
      .set({ enabled: false, version: sql`${connections.version} + 1` })
      .where(sql`${connections.id} IN ${which}`),
  ] as const;
