import { sql } from "drizzle-orm";

/**
 * Of a stack's row: the configuration of its newest version, for an entry that changes the state and not the configuration. The
 * newest entry is where `pulumi config refresh` reads it.
 */
export const lastConfig = sql`COALESCE(
  (SELECT config FROM updates AS last WHERE last.stack_id = stacks.id AND last.version = stacks.version AND last.dry_run = 0), '{}')`;
