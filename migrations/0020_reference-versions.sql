DROP INDEX `stack_references_target`;--> statement-breakpoint
ALTER TABLE `stack_references` ADD `version` integer;--> statement-breakpoint
CREATE INDEX `stack_references_target` ON `stack_references` (`org_name`,lower("project"),lower("name"));