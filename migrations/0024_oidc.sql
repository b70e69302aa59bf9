CREATE TABLE `oidc_issuers` (
	`id` text PRIMARY KEY NOT NULL,
	`org_id` text NOT NULL,
	`name` text NOT NULL,
	`url` text NOT NULL,
	`issuer` text NOT NULL,
	`jwks_uri` text,
	`keys` text NOT NULL,
	`fetched_at` integer NOT NULL,
	`tried_at` integer NOT NULL,
	`thumbprints` text NOT NULL,
	`max_expiration` integer NOT NULL,
	`audiences` text NOT NULL,
	`single_use` integer NOT NULL,
	`ends_sessions` integer NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`created_at` integer NOT NULL,
	`modified_at` integer NOT NULL,
	`last_used_at` integer,
	`made_with` text NOT NULL,
	`disabled_at` integer,
	`policy_id` text NOT NULL,
	`policies` text NOT NULL,
	`policy_version` integer DEFAULT 1 NOT NULL,
	`policy_modified_at` integer NOT NULL,
	FOREIGN KEY (`org_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `oidc_issuers_issuer` ON `oidc_issuers` (`org_id`,`issuer`);--> statement-breakpoint
CREATE UNIQUE INDEX `oidc_issuers_policy` ON `oidc_issuers` (`policy_id`);--> statement-breakpoint
CREATE INDEX `oidc_issuers_made_with` ON `oidc_issuers` (`made_with`);--> statement-breakpoint
CREATE TABLE `used_token_ids` (
	`issuer_id` text NOT NULL,
	`hash` text NOT NULL,
	`expires_at` integer NOT NULL,
	PRIMARY KEY(`issuer_id`, `hash`)
);
--> statement-breakpoint
CREATE INDEX `used_token_ids_expires` ON `used_token_ids` (`expires_at`);--> statement-breakpoint
DROP INDEX `access_tokens_name`;--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `issuer_id` text;--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `subject` text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `only_org_id` text;--> statement-breakpoint
CREATE INDEX `access_tokens_issuer` ON `access_tokens` (`issuer_id`,`created_at`,`id`) WHERE "access_tokens"."issuer_id" IS NOT NULL;--> statement-breakpoint
CREATE INDEX `access_tokens_issuer_valid` ON `access_tokens` (`issuer_id`,`expires_at`) WHERE "access_tokens"."issuer_id" IS NOT NULL AND "access_tokens"."deleted_at" IS NULL;--> statement-breakpoint
CREATE UNIQUE INDEX `access_tokens_name` ON `access_tokens` (`org_id`,lower("name")) WHERE "access_tokens"."org_id" IS NOT NULL AND "access_tokens"."issuer_id" IS NULL;