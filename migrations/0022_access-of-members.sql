ALTER TABLE `members` ADD `access` text DEFAULT '[null,[]]' NOT NULL;--> statement-breakpoint
ALTER TABLE `members` ADD `has_stack_grants` integer DEFAULT false NOT NULL;--> statement-breakpoint
DROP TRIGGER `roles_changed`;--> statement-breakpoint
DROP TRIGGER `roles_deleted`;--> statement-breakpoint
DROP TRIGGER `team_members_added`;--> statement-breakpoint
DROP TRIGGER `team_members_changed`;--> statement-breakpoint
DROP TRIGGER `team_members_removed`;--> statement-breakpoint
DROP TRIGGER `team_roles_added`;--> statement-breakpoint
DROP TRIGGER `team_roles_removed`;--> statement-breakpoint
DROP TRIGGER `members_role_changed`;--> statement-breakpoint
CREATE TRIGGER `members_access` AFTER UPDATE OF role_id ON `members` BEGIN
	UPDATE members SET
		access = json_array(
			CASE WHEN NEW.role_id IS NOT NULL THEN json_array(NEW.role_id, (SELECT version FROM roles WHERE id = NEW.role_id)) END,
			(SELECT json_group_array(json_array(id, version)) FROM (SELECT id, version FROM roles WHERE id IN (
				SELECT role_id FROM team_roles WHERE team_id IN (
					SELECT team_id FROM team_members JOIN teams ON teams.id = team_id WHERE user_id = NEW.user_id AND teams.org_id = NEW.org_id)) ORDER BY id))),
		has_stack_grants = EXISTS (SELECT 1 FROM stack_grants JOIN stacks ON stacks.id = stack_id
				WHERE grantee_kind = 'user' AND grantee_id = NEW.user_id AND stacks.org_id = NEW.org_id)
			OR EXISTS (SELECT 1 FROM stack_grants WHERE grantee_kind = 'team' AND grantee_id IN (
				SELECT team_id FROM team_members JOIN teams ON teams.id = team_id WHERE user_id = NEW.user_id AND teams.org_id = NEW.org_id))
	WHERE org_id = NEW.org_id AND user_id = NEW.user_id;
END;--> statement-breakpoint
CREATE TRIGGER `members_joined` AFTER INSERT ON `members` WHEN NEW.role_id IS NOT NULL BEGIN
	UPDATE members SET role_id = role_id WHERE org_id = NEW.org_id AND user_id = NEW.user_id;
END;--> statement-breakpoint
CREATE TRIGGER `team_members_added` AFTER INSERT ON `team_members` BEGIN
	UPDATE members SET role_id = role_id WHERE user_id = NEW.user_id AND org_id = (SELECT org_id FROM teams WHERE id = NEW.team_id);
END;--> statement-breakpoint
CREATE TRIGGER `team_members_removed` AFTER DELETE ON `team_members` BEGIN
	UPDATE members SET role_id = role_id WHERE user_id = OLD.user_id AND org_id = (SELECT org_id FROM teams WHERE id = OLD.team_id);
END;--> statement-breakpoint
CREATE TRIGGER `team_roles_added` AFTER INSERT ON `team_roles` BEGIN
	UPDATE members SET role_id = role_id WHERE org_id = (SELECT org_id FROM teams WHERE id = NEW.team_id)
		AND user_id IN (SELECT user_id FROM team_members WHERE team_id = NEW.team_id);
	UPDATE access_tokens SET version = version + 1 WHERE team_id = NEW.team_id AND deleted_at IS NULL;
END;--> statement-breakpoint
CREATE TRIGGER `team_roles_removed` AFTER DELETE ON `team_roles` BEGIN
	UPDATE members SET role_id = role_id WHERE org_id = (SELECT org_id FROM teams WHERE id = OLD.team_id)
		AND user_id IN (SELECT user_id FROM team_members WHERE team_id = OLD.team_id);
	UPDATE access_tokens SET version = version + 1 WHERE team_id = OLD.team_id AND deleted_at IS NULL;
END;--> statement-breakpoint
CREATE TRIGGER `roles_changed` AFTER UPDATE OF grants ON `roles` WHEN NEW.grants IS NOT OLD.grants BEGIN
	UPDATE members SET role_id = role_id WHERE role_id = NEW.id;
	UPDATE members SET role_id = role_id WHERE org_id = NEW.org_id AND user_id IN (
		SELECT user_id FROM team_members WHERE team_id IN (SELECT team_id FROM team_roles WHERE role_id = NEW.id));
	UPDATE access_tokens SET version = version + 1 WHERE role_id = NEW.id AND deleted_at IS NULL;
	UPDATE access_tokens SET version = version + 1 WHERE deleted_at IS NULL AND team_id IN (SELECT team_id FROM team_roles WHERE role_id = NEW.id);
	UPDATE organizations SET settings_version = settings_version + 1 WHERE id = NEW.org_id AND default_role_id = NEW.id;
END;--> statement-breakpoint
CREATE TRIGGER `stack_grants_of_team_begun` AFTER INSERT ON `stack_grants` WHEN NEW.grantee_kind = 'team'
	AND NOT EXISTS (SELECT 1 FROM stack_grants WHERE grantee_kind = 'team' AND grantee_id = NEW.grantee_id AND stack_id <> NEW.stack_id) BEGIN
	UPDATE members SET role_id = role_id WHERE org_id = (SELECT org_id FROM teams WHERE id = NEW.grantee_id)
		AND user_id IN (SELECT user_id FROM team_members WHERE team_id = NEW.grantee_id);
	UPDATE access_tokens SET version = version + 1 WHERE team_id = NEW.grantee_id AND deleted_at IS NULL;
END;--> statement-breakpoint
CREATE TRIGGER `stack_grants_of_team_ended` AFTER DELETE ON `stack_grants` WHEN OLD.grantee_kind = 'team'
	AND NOT EXISTS (SELECT 1 FROM stack_grants WHERE grantee_kind = 'team' AND grantee_id = OLD.grantee_id) BEGIN
	UPDATE members SET role_id = role_id WHERE org_id = (SELECT org_id FROM teams WHERE id = OLD.grantee_id)
		AND user_id IN (SELECT user_id FROM team_members WHERE team_id = OLD.grantee_id);
END;--> statement-breakpoint
CREATE TRIGGER `stack_grants_of_creator_begun` AFTER INSERT ON `stack_grants` WHEN NEW.grantee_kind = 'user' BEGIN
	UPDATE members SET has_stack_grants = 1 WHERE user_id = NEW.grantee_id AND org_id = (SELECT org_id FROM stacks WHERE id = NEW.stack_id)
		AND NOT has_stack_grants;
END;--> statement-breakpoint
CREATE TRIGGER `stack_grants_of_creator_ended` AFTER DELETE ON `stack_grants` WHEN OLD.grantee_kind = 'user'
	AND NOT EXISTS (SELECT 1 FROM stack_grants WHERE grantee_kind = 'user' AND grantee_id = OLD.grantee_id) BEGIN
	UPDATE members SET role_id = role_id WHERE user_id = OLD.grantee_id;
END;--> statement-breakpoint
UPDATE members SET role_id = role_id;
