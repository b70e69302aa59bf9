CREATE TABLE `leak_reports` (
	`id` text PRIMARY KEY NOT NULL,
	`token_id` text NOT NULL,
	`at` integer NOT NULL,
	`source` text NOT NULL,
	`url` text NOT NULL,
	`address` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `leak_reports_token` ON `leak_reports` (`token_id`,`at`);--> statement-breakpoint
CREATE TABLE `token_origins` (
	`token_id` text NOT NULL,
	`kind` text NOT NULL,
	`value` text NOT NULL,
	`last_at` integer NOT NULL,
	PRIMARY KEY(`token_id`, `kind`, `value`)
);
--> statement-breakpoint
CREATE TABLE `token_usage` (
	`token_id` text NOT NULL,
	`day` integer NOT NULL,
	`requests` integer NOT NULL,
	PRIMARY KEY(`token_id`, `day`)
);
--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `role` text DEFAULT 'member' NOT NULL;--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `display_name` text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `version` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `stack_rules` text;--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `allowed_cidrs` text DEFAULT '[]' NOT NULL;--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `allowed_countries` text DEFAULT '[]' NOT NULL;--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `disabled_at` integer;--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `disabled_reason` text;--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `may_rotate_itself` integer DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `family_id` text;--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `generation` integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `rotated_from` text;--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `successor_id` text;--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `retires_at` integer;--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `last_used_address` text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `last_used_country` text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `last_used_client` text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `deletion_seen_at` integer;--> statement-breakpoint
CREATE INDEX `access_tokens_family` ON `access_tokens` (`family_id`) WHERE "access_tokens"."family_id" IS NOT NULL;--> statement-breakpoint
CREATE INDEX `updates_token` ON `updates` (`token_id`,`created_at`);