CREATE TABLE `scim_group_members` (
	`team_id` text NOT NULL,
	`scim_user_id` text NOT NULL,
	PRIMARY KEY(`team_id`, `scim_user_id`)
);
--> statement-breakpoint
CREATE INDEX `scim_group_members_user` ON `scim_group_members` (`scim_user_id`);--> statement-breakpoint
CREATE TABLE `scim_groups` (
	`id` text PRIMARY KEY NOT NULL,
	`org_id` text NOT NULL,
	`team_id` text NOT NULL,
	`name_key` text NOT NULL,
	`external_id` text,
	`created_at` integer NOT NULL,
	`modified_at` integer NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`deleted_at` integer,
	FOREIGN KEY (`org_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `scim_groups_team` ON `scim_groups` (`team_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `scim_groups_name` ON `scim_groups` (`org_id`,`name_key`) WHERE "scim_groups"."deleted_at" IS NULL;--> statement-breakpoint
CREATE UNIQUE INDEX `scim_groups_external` ON `scim_groups` (`org_id`,`external_id`) WHERE "scim_groups"."external_id" IS NOT NULL AND "scim_groups"."deleted_at" IS NULL;--> statement-breakpoint
CREATE INDEX `scim_groups_list` ON `scim_groups` (`org_id`,`created_at`,`id`) WHERE "scim_groups"."deleted_at" IS NULL;--> statement-breakpoint
CREATE TABLE `scim_settings` (
	`org_id` text PRIMARY KEY NOT NULL,
	`restores_tokens` integer NOT NULL,
	`deletes_teams` integer NOT NULL,
	FOREIGN KEY (`org_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE TABLE `scim_users` (
	`id` text PRIMARY KEY NOT NULL,
	`org_id` text NOT NULL,
	`user_id` text,
	`user_name` text NOT NULL,
	`user_name_key` text NOT NULL,
	`external_id` text,
	`active` integer NOT NULL,
	`profile` text NOT NULL,
	`made_account` integer DEFAULT false NOT NULL,
	`former` text,
	`created_at` integer NOT NULL,
	`modified_at` integer NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`deleted_at` integer,
	FOREIGN KEY (`org_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `scim_users_name` ON `scim_users` (`org_id`,`user_name_key`) WHERE "scim_users"."deleted_at" IS NULL;--> statement-breakpoint
CREATE UNIQUE INDEX `scim_users_external` ON `scim_users` (`org_id`,`external_id`) WHERE "scim_users"."external_id" IS NOT NULL AND "scim_users"."deleted_at" IS NULL;--> statement-breakpoint
CREATE UNIQUE INDEX `scim_users_account` ON `scim_users` (`org_id`,`user_id`) WHERE "scim_users"."user_id" IS NOT NULL AND "scim_users"."deleted_at" IS NULL;--> statement-breakpoint
CREATE INDEX `scim_users_person` ON `scim_users` (`user_id`) WHERE "scim_users"."user_id" IS NOT NULL;--> statement-breakpoint
CREATE INDEX `scim_users_list` ON `scim_users` (`org_id`,`created_at`,`id`) WHERE "scim_users"."deleted_at" IS NULL;--> statement-breakpoint
CREATE INDEX `scim_users_deleted` ON `scim_users` (`org_id`,`user_name_key`) WHERE "scim_users"."deleted_at" IS NOT NULL;--> statement-breakpoint
CREATE TABLE `barred_tokens` (
	`token_id` text NOT NULL,
	`org_id` text NOT NULL,
	PRIMARY KEY(`token_id`, `org_id`)
);
--> statement-breakpoint
CREATE INDEX `users_email` ON `users` (lower("email"));--> statement-breakpoint
DROP TRIGGER `members_left`;--> statement-breakpoint
CREATE TRIGGER `members_left` AFTER DELETE ON `members` BEGIN
	DELETE FROM team_members WHERE user_id = OLD.user_id AND team_id IN (SELECT id FROM teams WHERE org_id = OLD.org_id);
	DELETE FROM stack_grants WHERE grantee_kind = 'user' AND grantee_id = OLD.user_id AND stack_id IN (SELECT id FROM stacks WHERE org_id = OLD.org_id)
		AND NOT EXISTS (SELECT 1 FROM scim_users WHERE org_id = OLD.org_id AND user_id = OLD.user_id AND former IS NOT NULL AND deleted_at IS NULL);
	UPDATE scim_users SET active = 0, version = version + 1
		WHERE org_id = OLD.org_id AND user_id = OLD.user_id AND active AND deleted_at IS NULL;
END;--> statement-breakpoint
CREATE TRIGGER `access_tokens_barred` AFTER INSERT ON `access_tokens` WHEN NEW.user_id IS NOT NULL AND NEW.made_with IS NOT NULL AND NEW.issuer_id IS NULL BEGIN
	INSERT OR IGNORE INTO barred_tokens SELECT NEW.id, org_id FROM barred_tokens WHERE token_id = NEW.made_with;
END;--> statement-breakpoint
CREATE TRIGGER `access_tokens_swept` AFTER DELETE ON `access_tokens` BEGIN
	DELETE FROM barred_tokens WHERE token_id = OLD.id;
END;--> statement-breakpoint
CREATE TRIGGER `teams_deleted` AFTER DELETE ON `teams` BEGIN
	DELETE FROM scim_group_members WHERE team_id = OLD.id;
	DELETE FROM scim_groups WHERE team_id = OLD.id;
END;
