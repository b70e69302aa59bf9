ALTER TABLE `organizations` ADD `max_drain_hours` integer DEFAULT 24 NOT NULL;--> statement-breakpoint
ALTER TABLE `updates` ADD `journal_kept` text;