UPDATE `access_tokens` SET `role` = 'admin' WHERE `admin` = 1;--> statement-breakpoint
ALTER TABLE `access_tokens` DROP COLUMN `admin`;