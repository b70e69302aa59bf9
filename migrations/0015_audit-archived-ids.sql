CREATE TABLE `audit_archived_ids` (
	`id` text PRIMARY KEY NOT NULL
);
