ALTER TABLE `audit_outbox` ADD `relay_at` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX `audit_outbox_id` ON `audit_outbox` (`id`);--> statement-breakpoint
CREATE INDEX `audit_outbox_relay` ON `audit_outbox` (`relay_at`);