CREATE TABLE `former_members` (
	`org_id` text NOT NULL,
	`user_id` text NOT NULL,
	`made_with` text NOT NULL,
	`created_at` integer NOT NULL,
	`ended_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `former_members_made_with` ON `former_members` (`made_with`);--> statement-breakpoint
ALTER TABLE `invites` ADD `user_id` text REFERENCES users(id);--> statement-breakpoint
CREATE INDEX `invites_made_with` ON `invites` (`made_with`) WHERE "invites"."made_with" IS NOT NULL;--> statement-breakpoint
ALTER TABLE `members` ADD `accepted_at` integer DEFAULT 0;--> statement-breakpoint
ALTER TABLE `members` ADD `made_with` text;--> statement-breakpoint
CREATE INDEX `members_made_with` ON `members` (`made_with`) WHERE "members"."made_with" IS NOT NULL;--> statement-breakpoint
CREATE INDEX `access_tokens_made_with` ON `access_tokens` (`made_with`) WHERE "access_tokens"."made_with" IS NOT NULL;--> statement-breakpoint
CREATE INDEX `access_tokens_person` ON `access_tokens` (`user_id`) WHERE "access_tokens"."user_id" IS NOT NULL;