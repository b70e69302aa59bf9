CREATE TABLE `shown_values` (
	`id` text PRIMARY KEY NOT NULL,
	`ends_at` integer NOT NULL
);
