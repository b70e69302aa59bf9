ALTER TABLE `invites` ADD `user_id` text REFERENCES users(id);--> statement-breakpoint
ALTER TABLE `members` ADD `accepted_at` integer DEFAULT 0;