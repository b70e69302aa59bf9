import { sql } from "drizzle-orm";
import type { Store } from "../db/client.ts";
import { accessTokens } from "../tokens/table.ts";
import { type Reach, below, connectionsBelow, invitationsBelow, issuersBelow, streamsBelow, webhooksBelow } from "./below.ts";
import type { EndedKind } from "./end.ts";
import { type Descent, canEnd, withEnding } from "./ending.ts";

/** Maximum number of rows of a tree; if there are more, the oldest are shown. */
export const MOST_IN_TREE = 1000;

interface TreeRow {
  /** `former`: a membership that has ended. */
  kind: EndedKind | "former";
  id: string;
  orgId: string | null;
  orgName: string | null;
  name: string;
  /** Id of the token that created the row, and the user of that token. */
  madeWith: string;
  makerId: string | null;
  /** Whether the row would end. */
  ends: number;
}

/** One descendant of a credential. */
export interface TreeItem extends Omit<TreeRow, "ends"> {
  /** 1 for a row that the credential itself created. */
  depth: number;
  ends: boolean;
}

/** Statements that read the descendants of one credential, and the number of those that would end with it. */
export const readTree = (store: Store, reach: Reach) => {
  const descent: Descent = { ...reach, how: "delete" };
  return [
    store.db
      .select({
        kind: sql<TreeRow["kind"]>`kind`.as("kind"),
        id: sql<string>`id`.as("id"),
        orgId: sql<string | null>`org_id`.as("org_id"),
        orgName: sql<string | null>`(SELECT organizations.name FROM organizations WHERE organizations.id = tree.org_id)`.as("org_name"),
        name: sql<string>`name`.as("name"),
        madeWith: sql<string>`made_with`.as("made_with"),
        makerId: sql<string | null>`(SELECT maker.user_id FROM access_tokens AS maker WHERE maker.id = tree.made_with)`.as("maker_id"),
        ends: sql<number>`ends`.as("ends"),
      })
      .from(
        sql`(WITH RECURSIVE ${below(reach)}
          SELECT access_tokens.kind, access_tokens.id, access_tokens.org_id, access_tokens.name, access_tokens.made_with, ${canEnd(descent)} AS ends,
            access_tokens.created_at AS at
          FROM below CROSS JOIN ${accessTokens} ON access_tokens.id = below.id WHERE below.kind = 'token' AND NOT (${reach.roots})
          UNION ALL SELECT 'invitation', id, org_id, role, made_with, 1, created_at FROM invites WHERE id IN (${invitationsBelow}) AND status = 'pending'
          UNION ALL SELECT * FROM (
            SELECT 'issuer', id, org_id, name, made_with, disabled_at IS NULL, created_at FROM oidc_issuers WHERE id IN (${issuersBelow})
            UNION ALL SELECT 'stream', id, org_id, name, made_with, paused_at IS NULL, created_at FROM audit_streams WHERE id IN (${streamsBelow})
            UNION ALL SELECT 'webhook', id, org_id, name, made_with, active, created_at FROM webhooks WHERE id IN (${webhooksBelow})
            UNION ALL SELECT 'connection', id, org_id, name, made_with, enabled, created_at FROM connections WHERE id IN (${connectionsBelow}))
          UNION ALL SELECT 'member', members.user_id, members.org_id, users.login, made_with, 1, members.created_at
          FROM below CROSS JOIN members ON members.org_id = below.org_id AND members.user_id = below.user_id CROSS JOIN users ON users.id = members.user_id
          WHERE below.kind = 'member'
          UNION ALL SELECT 'former', former_members.user_id, former_members.org_id, users.login, made_with, 0, ended_at
          FROM below CROSS JOIN former_members ON former_members.org_id = below.org_id AND former_members.user_id = below.user_id AND ended_at = below.until
          CROSS JOIN users ON users.id = former_members.user_id WHERE below.kind = 'former') AS tree`,
      )
      .orderBy(sql`at, id`)
      .limit(MOST_IN_TREE),
    store.db
      .select({ total: sql<number>`count(*)`.as("total") })
      .from(sql`(${withEnding(descent)} SELECT 1 FROM ending WHERE stays IS NULL)`),
  ] as const;
};

/** Orders rows as a tree, each after its parent, without ended rows that have no valid descendant. */
export function toTree(rows: TreeRow[], rootId: string): TreeItem[] {
  const tokens = new Map(rows.filter(({ kind }) => !isMembership(kind)).map((row) => [row.id, row]));
  const people = new Map(rows.filter(({ kind }) => isMembership(kind)).map((row) => [`${row.orgId}/${row.id}`, row]));
  const children = new Map<TreeRow | undefined, TreeRow[]>();
  for (const row of rows) {
    const byToken = row.madeWith === rootId ? undefined : tokens.get(row.madeWith);
    const parent = byToken ?? (row.madeWith === rootId ? undefined : people.get(`${row.orgId}/${row.makerId}`));
    children.set(parent, [...(children.get(parent) ?? []), row]);
  }
  const placed = new Set<TreeRow>();
  const place = (row: TreeRow, depth: number): TreeItem[] => {
    if (placed.has(row)) return [];
    placed.add(row);
    const rest = (children.get(row) ?? []).flatMap((child) => place(child, depth + 1));
    return row.ends || rest.length > 0 ? [{ ...row, ends: row.ends === 1, depth }, ...rest] : [];
  };
  // The remaining rows form a cycle.
  return [...(children.get(undefined) ?? []), ...rows].flatMap((row) => place(row, 1));
}

const isMembership = (kind: TreeRow["kind"]) => kind === "member" || kind === "former";
