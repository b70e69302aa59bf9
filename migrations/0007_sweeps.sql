CREATE TABLE `sweeps` (
	`name` text PRIMARY KEY NOT NULL,
	`cursor` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `updates_open` ON `updates` (`created_at`) WHERE "updates"."ended_at" IS NULL;