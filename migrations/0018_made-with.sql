ALTER TABLE `invites` RENAME COLUMN "sent_by_token" TO "made_with";--> statement-breakpoint
ALTER TABLE `access_tokens` RENAME COLUMN "opened_with" TO "made_with";--> statement-breakpoint
UPDATE `access_tokens` SET `made_with` = `rotated_from` WHERE `rotated_from` IS NOT NULL AND `created_by` = (SELECT `name` FROM `organizations` WHERE `organizations`.`id` = `org_id`);
