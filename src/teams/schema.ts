import * as z from "zod/mini";
import { text, unread } from "../http/bounded.ts";
import { newTeamName, projectName, stackName } from "../http/names.ts";

const LONG_NAME = "Display name too long. Max length 100 characters.";
const displayName = text(100, LONG_NAME);
const description = text(1000, "a description has at most 1000 characters");

export const CreateTeamRequest = z.object({
  name: newTeamName,
  displayName: z.nullish(displayName),
  description: z.nullish(description),
});

const INVALID_PERMISSION = "Invalid stack permission";
/** 0 removes the grant. 104 is the creator's, and cannot be granted. */
const permission = z.literal([0, 101, 102, 103], { error: () => `${INVALID_PERMISSION}.` });
const grant = z.object({ projectName, stackName, permission });

const noEnvironments = z.nullish(unread(z.any().check(z.refine(() => false, "Environments (Pulumi ESC) are not supported here."))));

/** One change for each call (management-api §8.3). */
export const UpdateTeamRequest = z
  .object({
    newDisplayName: z.nullish(displayName),
    newDescription: z.nullish(description),
    member: z.nullish(text(200)),
    memberAction: z.nullish(z.enum(["add", "remove", "promote", "demote"])),
    addStackPermission: z.nullish(grant),
    editStackPermission: z.nullish(grant),
    removeStack: z.nullish(z.object({ projectName, stackName })),
    addEnvironmentPermission: noEnvironments,
    editEnvironmentPermission: noEnvironments,
    removeEnvironment: noEnvironments,
  })
  .check(
    z.refine((body) => !body.member === !body.memberAction, "member and memberAction belong together"),
    z.refine((body) => {
      const renames = (body.newDisplayName ?? body.newDescription ?? null) !== null;
      const changes = [renames, body.member, body.addStackPermission, body.editStackPermission, body.removeStack];
      // An empty object changes nothing; the provider's `api/teams:Team` sends one.
      return changes.filter(Boolean).length <= 1;
    }, "one change of the team is expected: its name and description, a member, or a right on a stack"),
  );

/** Absent or null removes the grant. */
export const UpdateTeamStackPermissionsRequest = z.object({ permissions: z.nullish(permission) });
