CREATE TABLE `audit_archives` (
	`org_id` text NOT NULL,
	`first_seq` integer NOT NULL,
	`last_seq` integer NOT NULL,
	`first_at` integer NOT NULL,
	`last_at` integer NOT NULL,
	`key` text NOT NULL,
	PRIMARY KEY(`org_id`, `first_seq`)
);
--> statement-breakpoint
CREATE TABLE `audit_heads` (
	`org_id` text PRIMARY KEY NOT NULL,
	`seq` integer NOT NULL,
	`hash` text NOT NULL,
	`archived_seq` integer DEFAULT 0 NOT NULL,
	`checkpoint_seq` integer DEFAULT 0 NOT NULL,
	`checkpoint_day` text DEFAULT '' NOT NULL
);
--> statement-breakpoint
DROP INDEX `stacks_list`;--> statement-breakpoint
CREATE INDEX `stacks_list` ON `stacks` (`org_id`,`project`,`name`) WHERE "stacks"."deleted_at" IS NULL;--> statement-breakpoint
ALTER TABLE `audit_events` ADD `seq` integer;--> statement-breakpoint
ALTER TABLE `audit_events` ADD `prev_hash` text;--> statement-breakpoint
ALTER TABLE `audit_events` ADD `hash` text;--> statement-breakpoint
CREATE INDEX `audit_events_address` ON `audit_events` (`org_id`,`source_ip`,`at`,`id`);--> statement-breakpoint
CREATE INDEX `audit_events_stack` ON `audit_events` (`org_id`,`stack`,`at`,`id`) WHERE "audit_events"."stack" <> '';--> statement-breakpoint
CREATE INDEX `audit_events_refusals` ON `audit_events` (`org_id`,`at`,`id`) WHERE "audit_events"."auth_failure" = 1;--> statement-breakpoint
CREATE UNIQUE INDEX `audit_events_seq` ON `audit_events` (`org_id`,`seq`);--> statement-breakpoint
CREATE INDEX `audit_events_unchained` ON `audit_events` (`org_id`) WHERE "audit_events"."seq" IS NULL;
--> statement-breakpoint
CREATE VIRTUAL TABLE `audit_text` USING fts5(`words`, content='', contentless_delete=1, detail='none');--> statement-breakpoint
CREATE TRIGGER `audit_text_insert` AFTER INSERT ON `audit_events` BEGIN
	INSERT INTO `audit_text` (`rowid`, `words`) VALUES (new.`rowid`, 'o' || replace(new.`org_id`, '-', '') || ' ' || new.`description`);
END;--> statement-breakpoint
CREATE TRIGGER `audit_text_delete` AFTER DELETE ON `audit_events` BEGIN
	DELETE FROM `audit_text` WHERE `rowid` = old.`rowid`;
END;--> statement-breakpoint
INSERT INTO `audit_text` (`rowid`, `words`) SELECT `rowid`, 'o' || replace(`org_id`, '-', '') || ' ' || `description` FROM `audit_events`;
