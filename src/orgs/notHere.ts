/** The contract's members for features that Stackpass does not have (management-api §4.1). */
export const notHere = {
  environmentCount: 0,
  accountCount: 0,
  defaultEnvironmentPermission: "none",
  defaultAccountPermission: 0,
  membersCanCreateTeams: false,
  membersCanCreateAccounts: false,
  webhooksEnabled: true,
  preferredVCS: "none",
  aiEnablement: "disabled",
  insightsTrialUsingPolicy: false,
  naturalLanguageSearchDisabled: true,
  neoAgentDisabled: true,
  neoApprovalMode: "manual",
  neoCLIExplanationsDisabled: true,
  neoEnabled: false,
  neoTaskSharingMode: "none",
} as const;
