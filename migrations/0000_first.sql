CREATE TABLE `audit_events` (
	`id` text PRIMARY KEY NOT NULL,
	`org_id` text NOT NULL,
	`at` integer NOT NULL,
	`event` text NOT NULL,
	`description` text NOT NULL,
	`source_ip` text NOT NULL,
	`user_login` text NOT NULL,
	`user_name` text NOT NULL,
	`token_id` text NOT NULL,
	`token_name` text NOT NULL,
	`stack` text NOT NULL,
	`req_org_admin` integer NOT NULL,
	`req_stack_admin` integer NOT NULL,
	`auth_failure` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `audit_events_org` ON `audit_events` (`org_id`,`at`,`id`);--> statement-breakpoint
CREATE INDEX `audit_events_event` ON `audit_events` (`org_id`,`event`,`at`,`id`);--> statement-breakpoint
CREATE INDEX `audit_events_user` ON `audit_events` (`org_id`,`user_login`,`at`,`id`);--> statement-breakpoint
CREATE INDEX `audit_events_token` ON `audit_events` (`org_id`,`token_id`,`at`,`id`);--> statement-breakpoint
CREATE TABLE `audit_outbox` (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`id` text NOT NULL,
	`body` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `members` (
	`org_id` text NOT NULL,
	`user_id` text NOT NULL,
	`role` text NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`org_id`, `user_id`),
	FOREIGN KEY (`org_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `members_user` ON `members` (`user_id`);--> statement-breakpoint
CREATE TABLE `organizations` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`display_name` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `organizations_name` ON `organizations` (lower("name"));--> statement-breakpoint
CREATE TABLE `stack_tags` (
	`stack_id` text NOT NULL,
	`name` text NOT NULL,
	`value` text NOT NULL,
	PRIMARY KEY(`stack_id`, `name`)
);
--> statement-breakpoint
CREATE INDEX `stack_tags_value` ON `stack_tags` (`name`,`value`);--> statement-breakpoint
CREATE TABLE `stacks` (
	`id` text PRIMARY KEY NOT NULL,
	`org_id` text NOT NULL,
	`project` text NOT NULL,
	`name` text NOT NULL,
	`version` integer DEFAULT 0 NOT NULL,
	`state_key` text,
	`resource_count` integer,
	`root_only` integer DEFAULT true NOT NULL,
	`alias_free` integer DEFAULT false NOT NULL,
	`active_update` text DEFAULT '' NOT NULL,
	`running_update` text,
	`last_update_at` integer,
	`created_at` integer NOT NULL,
	`deleted_at` integer,
	FOREIGN KEY (`org_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `stacks_path` ON `stacks` (`org_id`,lower("project"),lower("name")) WHERE "stacks"."deleted_at" IS NULL;--> statement-breakpoint
CREATE INDEX `stacks_list` ON `stacks` (`org_id`,`project`,`name`);--> statement-breakpoint
CREATE TABLE `access_tokens` (
	`id` text PRIMARY KEY NOT NULL,
	`kind` text NOT NULL,
	`org_id` text,
	`user_id` text,
	`team` text,
	`name` text NOT NULL,
	`description` text NOT NULL,
	`hash` text NOT NULL,
	`admin` integer NOT NULL,
	`created_at` integer NOT NULL,
	`created_by` text NOT NULL,
	`expires_at` integer,
	`last_used_at` integer,
	`deleted_at` integer,
	FOREIGN KEY (`org_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `access_tokens_hash` ON `access_tokens` (`hash`);--> statement-breakpoint
CREATE UNIQUE INDEX `access_tokens_name` ON `access_tokens` (`org_id`,lower("name")) WHERE "access_tokens"."org_id" IS NOT NULL;--> statement-breakpoint
CREATE INDEX `access_tokens_org` ON `access_tokens` (`org_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `access_tokens_user` ON `access_tokens` (`user_id`,`created_at`,`id`);--> statement-breakpoint
CREATE TABLE `updates` (
	`id` text PRIMARY KEY NOT NULL,
	`stack_id` text NOT NULL,
	`kind` text NOT NULL,
	`dry_run` integer NOT NULL,
	`status` text NOT NULL,
	`version` integer,
	`message` text NOT NULL,
	`environment` text NOT NULL,
	`config` text NOT NULL,
	`requested_by` text NOT NULL,
	`token_id` text NOT NULL,
	`token_name` text NOT NULL,
	`created_at` integer NOT NULL,
	`started_at` integer,
	`ended_at` integer,
	`resource_changes` text,
	`resource_count` integer,
	`state_key` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `updates_version` ON `updates` (`stack_id`,`version`) WHERE "updates"."dry_run" = 0 AND "updates"."version" IS NOT NULL;--> statement-breakpoint
CREATE INDEX `updates_state_key` ON `updates` (`state_key`);--> statement-breakpoint
CREATE TABLE `users` (
	`id` text PRIMARY KEY NOT NULL,
	`login` text NOT NULL,
	`name` text NOT NULL,
	`email` text DEFAULT '' NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `users_login` ON `users` (lower("login"));