import * as z from "zod/mini";
import { notHere } from "./notHere.ts";

/** A setting with one supported value. Any other value would have no effect, so it is refused. */
const only = <T extends string | number | boolean>(value: T) =>
  z.nullish(
    z.literal(value, {
      error: ({ path }) => `${path?.join(".")} can only be ${JSON.stringify(value)}: the feature that it enables is not supported`,
    }),
  );

/** Settings of the contract for features that Stackpass does not have. */
export const fixedSettings = {
  setAiEnablement: only(notHere.aiEnablement),
  setDefaultAccountPermission: only(notHere.defaultAccountPermission),
  setDefaultAgentPoolID: only(""),
  setDefaultDeploymentRoleId: only(""),
  setDefaultEnvironmentPermission: only(notHere.defaultEnvironmentPermission),
  setMembersCanCreateAccounts: only(notHere.membersCanCreateAccounts),
  setMembersCanCreateTeams: only(notHere.membersCanCreateTeams),
  setMembersCanInviteCollaborators: only(false),
  setNaturalLanguageSearchDisabled: only(notHere.naturalLanguageSearchDisabled),
  setNeoAgentDisabled: only(notHere.neoAgentDisabled),
  setNeoApprovalMode: only(notHere.neoApprovalMode),
  setNeoCLIExplanationsDisabled: only(notHere.neoCLIExplanationsDisabled),
  setNeoEnabled: only(notHere.neoEnabled),
  setNeoTaskSharingMode: only(notHere.neoTaskSharingMode),
  setPreferredVCS: only(notHere.preferredVCS),
};
