CREATE TABLE `stack_references` (
	`stack_id` text NOT NULL,
	`org_name` text NOT NULL,
	`project` text NOT NULL,
	`name` text NOT NULL,
	PRIMARY KEY(`stack_id`, `org_name`, `project`, `name`)
);
--> statement-breakpoint
CREATE INDEX `stack_references_target` ON `stack_references` (`org_name`,`project`,`name`);--> statement-breakpoint
ALTER TABLE `stacks` ADD `config` text;--> statement-breakpoint
ALTER TABLE `stacks` ADD `created_by` text DEFAULT '' NOT NULL;