ALTER TABLE `invites` ADD `mail_at` integer;--> statement-breakpoint
ALTER TABLE `invites` ADD `mail_tries` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `invites` ADD `mailed_at` integer;--> statement-breakpoint
ALTER TABLE `invites` ADD `mail_origin` text;--> statement-breakpoint
CREATE INDEX `invites_mail` ON `invites` (`mail_at`) WHERE "invites"."mail_at" IS NOT NULL;