import { expect } from "vitest";
import { ok } from "./client.ts";

/**
 * Reads a list to its end, as `pulumi api --paginate` does: an empty page with a cursor would stop it too early.
 * @param key the member of a page that has its items
 * @returns all items, and how many pages there were
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- what an item is only the caller knows
export async function allPages<T>(path: string, key: string, token: string): Promise<{ items: T[]; pages: number }> {
  const items: T[] = [];
  const seen = new Set<string>();
  let cursor: string | undefined;
  let pages = 0;
  do {
    const link = cursor === undefined ? path : `${path}${path.includes("?") ? "&" : "?"}continuationToken=${cursor}`;
    const page = await ok<{ continuationToken?: string } & { [key: string]: T[] | undefined }>("GET", link, { token });
    const found = page[key] ?? [];
    items.push(...found);
    pages++;
    cursor = page.continuationToken || undefined;
    if (cursor !== undefined) {
      expect(found.length).toBeGreaterThan(0);
      expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
      expect(seen.has(cursor)).toBe(false);
      seen.add(cursor);
    }
  } while (cursor !== undefined);
  return { items, pages };
}
