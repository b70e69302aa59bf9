import journal from "../../migrations/meta/_journal.json" with { type: "json" };

/** The newest migration that this code needs, by its name in the table `d1_migrations`. */
export const newestMigration = `${journal.entries.at(-1)!.tag}.sql`;
