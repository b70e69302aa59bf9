DROP INDEX `access_tokens_org`;--> statement-breakpoint
DROP INDEX `access_tokens_user`;--> statement-breakpoint
CREATE INDEX `access_tokens_org` ON `access_tokens` (`org_id`,`created_at`,`id`) WHERE "access_tokens"."deleted_at" IS NULL;--> statement-breakpoint
CREATE INDEX `access_tokens_user` ON `access_tokens` (`user_id`,`created_at`,`id`) WHERE "access_tokens"."deleted_at" IS NULL;--> statement-breakpoint
CREATE INDEX `members_list` ON `members` (`org_id`,`created_at`,`user_id`);