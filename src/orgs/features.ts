/** The contract's flags of features that Stackpass does not have. */
const absent = `
  agentIntegrationCatalogEnabled agentPoolRegistrationEnabled agentScheduledTasksEnabled aiAgentsEnabled aleEnabled approvalsEnabled
  bitbucketVCSEnabled bringYourOwnKeyEnabled cliIntegrationCatalogEnabled crossGuardEnabled customRoleCondition customRolesEnabled
  customTemplatesEnabled customVCSEnabled dependencyCachingEnabled deployEnabled discoveredStacksEnabled driftDetectionEnabled
  environmentRevisionTagsEnabled environmentSecretRotationEnabled environmentsEnabled environmentsRestoreEnabled escEditorRevampEnabled
  escOnboardingAzureOAuthClientEnabled escOnboardingEnabled escOnboardingGcpOAuthClientEnabled escOnboardingV2Enabled
  fixDriftWithNeoEnabled ghAppDetailedDiffEnabled gitHubEnterpriseIntegrationEnabled iacCloudImportEnabled
  insightsAutoPolicyPacksEnabled insightsMonetizationEnabled integrationAssistantEnabled legacyDeploymentsOrgToken neoByokEnabled
  neoPlanModeEnabled neoTaskSharingEnabled nlpSearchEnabled pangeaAccountsScanPageEnabled policyIssueManagementEnabled
  policyManagementV2Enabled propertySearchUIEnabled resourceExportEnabled resourceSearchEnabled samlSsoEnabled scimEnabled
  selfHostedDeploymentsEnabled selfServeIDPRemoval serviceBackedConfigEnabled
  themingEnabled usersCustomRolesEnabled
`;

/** @param everything whether the edition or a running trial includes all features */
export const featuresOf = (everything: boolean): Record<string, boolean> => ({
  ...Object.fromEntries(
    absent
      .trim()
      .split(/\s+/)
      .map((name) => [name, false]),
  ),
  accessTokenExpiryPolicyEnabled: true,
  restoreStacksEnabled: true,
  teamMemberRoleManagementEnabled: true,
  teamsEnabled: true,
  webhooksEnabled: true,
  auditLogsEnabled: everything,
  auditLogUIFilteringEnabled: everything,
  machineTokensEnabled: everything,
});
