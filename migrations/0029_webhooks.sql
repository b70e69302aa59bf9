CREATE TABLE `webhook_cursors` (
	`org_id` text PRIMARY KEY NOT NULL,
	`seq` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `webhooks` (
	`id` text PRIMARY KEY NOT NULL,
	`org_id` text NOT NULL,
	`stack_id` text NOT NULL,
	`name` text NOT NULL,
	`display_name` text NOT NULL,
	`format` text NOT NULL,
	`filters` text NOT NULL,
	`groups` text NOT NULL,
	`sealed` text NOT NULL,
	`destination` text NOT NULL,
	`secret_tag` text NOT NULL,
	`active` integer NOT NULL,
	`disabled_for` text,
	`host` text NOT NULL,
	`from_seq` integer NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`created_at` integer NOT NULL,
	`modified_at` integer NOT NULL,
	`made_with` text NOT NULL,
	`failing_since` integer,
	`error` text DEFAULT '' NOT NULL,
	FOREIGN KEY (`org_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `webhooks_name` ON `webhooks` (`org_id`,`stack_id`,lower("name"));--> statement-breakpoint
CREATE INDEX `webhooks_made_with` ON `webhooks` (`made_with`);