CREATE TABLE `audit_streams` (
	`id` text PRIMARY KEY NOT NULL,
	`org_id` text NOT NULL,
	`name` text NOT NULL,
	`format` text NOT NULL,
	`destination` text NOT NULL,
	`credentials` text NOT NULL,
	`host` text NOT NULL,
	`delivered_through` integer NOT NULL,
	`checkpoint_day` text DEFAULT '' NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	`created_at` integer NOT NULL,
	`modified_at` integer NOT NULL,
	`made_with` text NOT NULL,
	`last_success_at` integer,
	`failing_since` integer,
	`failures` integer DEFAULT 0 NOT NULL,
	`retry_at` integer DEFAULT 0 NOT NULL,
	`error` text DEFAULT '' NOT NULL,
	`paused_at` integer,
	`paused_for` text,
	FOREIGN KEY (`org_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `audit_streams_name` ON `audit_streams` (`org_id`,lower("name"));--> statement-breakpoint
CREATE INDEX `audit_streams_made_with` ON `audit_streams` (`made_with`);