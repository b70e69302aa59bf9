import journal from "../../migrations/meta/_journal.json" with { type: "json" };

/** What the database must have seen for this code to work, as `d1_migrations` names it. */
export const newestMigration = `${journal.entries.at(-1)!.tag}.sql`;
