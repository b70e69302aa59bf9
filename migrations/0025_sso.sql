CREATE TABLE `connections` (
	`id` text PRIMARY KEY NOT NULL,
	`org_id` text NOT NULL,
	`kind` text NOT NULL,
	`name` text NOT NULL,
	`issuer` text NOT NULL,
	`client_id` text NOT NULL,
	`client_secret` text NOT NULL,
	`allowed_domains` text NOT NULL,
	`first_role` text NOT NULL,
	`group_claim` text NOT NULL,
	`group_scope` text NOT NULL,
	`group_mappings` text NOT NULL,
	`enabled` integer NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`created_at` integer NOT NULL,
	`modified_at` integer NOT NULL,
	`made_with` text NOT NULL,
	FOREIGN KEY (`org_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `connections_provider` ON `connections` (`org_id`,`issuer`,`client_id`);--> statement-breakpoint
CREATE TABLE `domains` (
	`org_id` text NOT NULL,
	`domain` text NOT NULL,
	`challenge` text NOT NULL,
	`created_at` integer NOT NULL,
	`proven_at` integer,
	`checked_at` integer DEFAULT 0 NOT NULL,
	`failures` integer DEFAULT 0 NOT NULL,
	PRIMARY KEY(`org_id`, `domain`),
	FOREIGN KEY (`org_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `domains_proven` ON `domains` (`domain`) WHERE "domains"."proven_at" IS NOT NULL;--> statement-breakpoint
CREATE TABLE `identities` (
	`id` text PRIMARY KEY NOT NULL,
	`connection_id` text NOT NULL,
	`org_id` text,
	`issuer` text NOT NULL,
	`subject` text NOT NULL,
	`user_id` text NOT NULL,
	`email` text NOT NULL,
	`created_at` integer NOT NULL,
	`last_sign_in_at` integer NOT NULL,
	FOREIGN KEY (`org_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `identities_subject` ON `identities` (`connection_id`,`issuer`,`subject`);--> statement-breakpoint
CREATE INDEX `identities_user` ON `identities` (`user_id`);--> statement-breakpoint
CREATE INDEX `identities_org` ON `identities` (`org_id`,`user_id`) WHERE "identities"."org_id" IS NOT NULL;--> statement-breakpoint
CREATE TABLE `token_authorizations` (
	`token_id` text NOT NULL,
	`org_id` text NOT NULL,
	`identity_id` text NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`token_id`, `org_id`)
);
--> statement-breakpoint
CREATE INDEX `token_authorizations_org` ON `token_authorizations` (`org_id`,`created_at`,`token_id`);--> statement-breakpoint
CREATE INDEX `token_authorizations_identity` ON `token_authorizations` (`identity_id`);--> statement-breakpoint
CREATE TABLE `used_sign_ins` (
	`id` text PRIMARY KEY NOT NULL,
	`ends_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `used_sign_ins_ends` ON `used_sign_ins` (`ends_at`);--> statement-breakpoint
ALTER TABLE `members` ADD `is_break_glass` integer DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `members` ADD `role_connection_id` text;--> statement-breakpoint
ALTER TABLE `organizations` ADD `sso_required` text DEFAULT 'off' NOT NULL;--> statement-breakpoint
ALTER TABLE `organizations` ADD `sso_reauth_days` integer DEFAULT 30 NOT NULL;--> statement-breakpoint
ALTER TABLE `organizations` ADD `sso_session_hours` integer DEFAULT 12 NOT NULL;--> statement-breakpoint
ALTER TABLE `team_members` ADD `connection_id` text;--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `identity_id` text;--> statement-breakpoint
CREATE INDEX `access_tokens_identity` ON `access_tokens` (`identity_id`) WHERE "access_tokens"."identity_id" IS NOT NULL;