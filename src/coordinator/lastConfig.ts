import { sql } from "drizzle-orm";

/**
 * SQL in a query over stacks: the configuration of the stack's newest version. An update that changes only the state copies it, because
 * `pulumi config refresh` reads the configuration of the newest update.
 */
export const lastConfig = sql`COALESCE(
  (SELECT config FROM updates AS last WHERE last.stack_id = stacks.id AND last.version = stacks.version AND last.dry_run = 0), '{}')`;
