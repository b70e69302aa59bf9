CREATE TABLE `audit_checks` (
	`org_id` text PRIMARY KEY NOT NULL,
	`version` integer NOT NULL,
	`day` text NOT NULL,
	`seq` integer NOT NULL,
	`hash` text NOT NULL,
	`tried_at` integer NOT NULL,
	`is_done` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `audit_faults` (
	`org_id` text NOT NULL,
	`seq` integer NOT NULL,
	`fault` text NOT NULL,
	`found_at` integer NOT NULL,
	`day` text NOT NULL,
	PRIMARY KEY(`org_id`, `seq`, `fault`)
);
--> statement-breakpoint
ALTER TABLE `token_origins` ADD `first_at` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `webhooks` ADD `digest` text;--> statement-breakpoint
ALTER TABLE `webhooks` ADD `digest_at` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX `webhooks_digest` ON `webhooks` (`digest_at`) WHERE "webhooks"."digest" IS NOT NULL;