CREATE TABLE `invites` (
	`id` text PRIMARY KEY NOT NULL,
	`org_id` text NOT NULL,
	`email` text NOT NULL,
	`role` text NOT NULL,
	`status` text DEFAULT 'pending' NOT NULL,
	`created_at` integer NOT NULL,
	`sent_by` text NOT NULL,
	`sent_at` integer NOT NULL,
	`accepted_by` text,
	FOREIGN KEY (`org_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`accepted_by`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `invites_org` ON `invites` (`org_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `invites_email` ON `invites` (lower("email"));--> statement-breakpoint
ALTER TABLE `organizations` ADD `edition` text;--> statement-breakpoint
ALTER TABLE `organizations` ADD `trial_ends_at` integer;--> statement-breakpoint
ALTER TABLE `organizations` ADD `settings_version` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `organizations` ADD `in_flight_revocation` text DEFAULT 'drain' NOT NULL;--> statement-breakpoint
ALTER TABLE `organizations` ADD `default_stack_permission` integer DEFAULT 103 NOT NULL;--> statement-breakpoint
ALTER TABLE `organizations` ADD `members_can_create_stacks` integer DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE `organizations` ADD `members_can_delete_stacks` integer DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE `organizations` ADD `members_can_transfer_stacks` integer DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE `organizations` ADD `max_token_expiry_days` integer;--> statement-breakpoint
ALTER TABLE `organizations` ADD `disable_unused_tokens_after_days` integer;--> statement-breakpoint
ALTER TABLE `organizations` ADD `audit_retention_days` integer;--> statement-breakpoint
ALTER TABLE `organizations` ADD `allowed_cidrs` text DEFAULT '[]' NOT NULL;--> statement-breakpoint
ALTER TABLE `organizations` ADD `allowed_countries` text DEFAULT '[]' NOT NULL;--> statement-breakpoint
ALTER TABLE `users` ADD `default_org_id` text;--> statement-breakpoint
CREATE INDEX `updates_running` ON `updates` (`token_id`) WHERE "updates"."status" = 'running';