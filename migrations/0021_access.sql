CREATE TABLE `roles` (
	`id` text PRIMARY KEY NOT NULL,
	`org_id` text NOT NULL,
	`name` text NOT NULL,
	`description` text NOT NULL,
	`resource_type` text NOT NULL,
	`ux_purpose` text NOT NULL,
	`details` text NOT NULL,
	`grants` text NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`created_at` integer NOT NULL,
	`modified_at` integer NOT NULL,
	FOREIGN KEY (`org_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `roles_name` ON `roles` (`org_id`,lower("name"));--> statement-breakpoint
CREATE TABLE `role_parts` (
	`role_id` text NOT NULL,
	`part_id` text NOT NULL,
	PRIMARY KEY(`role_id`, `part_id`)
);
--> statement-breakpoint
CREATE INDEX `role_parts_part` ON `role_parts` (`part_id`);--> statement-breakpoint
CREATE TABLE `stack_grants` (
	`stack_id` text NOT NULL,
	`grantee_kind` text NOT NULL,
	`grantee_id` text NOT NULL,
	`permission` integer NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`stack_id`, `grantee_kind`, `grantee_id`)
);
--> statement-breakpoint
CREATE INDEX `stack_grants_grantee` ON `stack_grants` (`grantee_kind`,`grantee_id`,`stack_id`);--> statement-breakpoint
CREATE TABLE `team_members` (
	`team_id` text NOT NULL,
	`user_id` text NOT NULL,
	`role` text DEFAULT 'member' NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`team_id`, `user_id`)
);
--> statement-breakpoint
CREATE INDEX `team_members_user` ON `team_members` (`user_id`);--> statement-breakpoint
CREATE TABLE `team_roles` (
	`team_id` text NOT NULL,
	`role_id` text NOT NULL,
	PRIMARY KEY(`team_id`, `role_id`)
);
--> statement-breakpoint
CREATE INDEX `team_roles_role` ON `team_roles` (`role_id`);--> statement-breakpoint
CREATE TABLE `teams` (
	`id` text PRIMARY KEY NOT NULL,
	`org_id` text NOT NULL,
	`name` text NOT NULL,
	`display_name` text NOT NULL,
	`description` text NOT NULL,
	`kind` text DEFAULT 'pulumi' NOT NULL,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`org_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `teams_name` ON `teams` (`org_id`,lower("name"));--> statement-breakpoint
ALTER TABLE `invites` ADD `role_id` text;--> statement-breakpoint
ALTER TABLE `members` ADD `role_id` text;--> statement-breakpoint
CREATE INDEX `members_role` ON `members` (`role_id`) WHERE "members"."role_id" IS NOT NULL;--> statement-breakpoint
ALTER TABLE `organizations` ADD `default_role_id` text;--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `team_id` text;--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `role_id` text;--> statement-breakpoint
CREATE INDEX `access_tokens_role` ON `access_tokens` (`role_id`) WHERE "access_tokens"."role_id" IS NOT NULL;--> statement-breakpoint
CREATE INDEX `access_tokens_team` ON `access_tokens` (`team_id`) WHERE "access_tokens"."team_id" IS NOT NULL;--> statement-breakpoint
CREATE TRIGGER `roles_changed` AFTER UPDATE OF grants ON `roles` BEGIN
	UPDATE organizations SET settings_version = settings_version + 1 WHERE id = NEW.org_id;
END;--> statement-breakpoint
CREATE TRIGGER `roles_deleted` AFTER DELETE ON `roles` BEGIN
	UPDATE organizations SET settings_version = settings_version + 1 WHERE id = OLD.org_id;
END;--> statement-breakpoint
CREATE TRIGGER `team_members_added` AFTER INSERT ON `team_members` BEGIN
	UPDATE organizations SET settings_version = settings_version + 1 WHERE id = (SELECT org_id FROM teams WHERE id = NEW.team_id);
END;--> statement-breakpoint
CREATE TRIGGER `team_members_changed` AFTER UPDATE ON `team_members` BEGIN
	UPDATE organizations SET settings_version = settings_version + 1 WHERE id = (SELECT org_id FROM teams WHERE id = NEW.team_id);
END;--> statement-breakpoint
CREATE TRIGGER `team_members_removed` AFTER DELETE ON `team_members` BEGIN
	UPDATE organizations SET settings_version = settings_version + 1 WHERE id = (SELECT org_id FROM teams WHERE id = OLD.team_id);
END;--> statement-breakpoint
CREATE TRIGGER `team_roles_added` AFTER INSERT ON `team_roles` BEGIN
	UPDATE organizations SET settings_version = settings_version + 1 WHERE id = (SELECT org_id FROM teams WHERE id = NEW.team_id);
END;--> statement-breakpoint
CREATE TRIGGER `team_roles_removed` AFTER DELETE ON `team_roles` BEGIN
	UPDATE organizations SET settings_version = settings_version + 1 WHERE id = (SELECT org_id FROM teams WHERE id = OLD.team_id);
END;--> statement-breakpoint
CREATE TRIGGER `members_role_changed` AFTER UPDATE OF role_id ON `members` WHEN NEW.role_id IS NOT OLD.role_id BEGIN
	UPDATE organizations SET settings_version = settings_version + 1 WHERE id = NEW.org_id;
END;--> statement-breakpoint
CREATE TRIGGER `members_left` AFTER DELETE ON `members` BEGIN
	DELETE FROM team_members WHERE user_id = OLD.user_id AND team_id IN (SELECT id FROM teams WHERE org_id = OLD.org_id);
	DELETE FROM stack_grants WHERE grantee_kind = 'user' AND grantee_id = OLD.user_id AND stack_id IN (SELECT id FROM stacks WHERE org_id = OLD.org_id);
END;
