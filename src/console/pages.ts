import { auditPages } from "./audit/pages.ts";
import { cliLoginPages } from "./cliLogin.tsx";
import { displayPages } from "./displayPages.tsx";
import { homePages } from "./home.tsx";
import { organizationHomePage } from "./organizationHome.tsx";
import { ownInvitePages } from "./invites.tsx";
import { signInPages } from "./signIn.tsx";
import { listPages as memberPages } from "./members/list.tsx";
import { memberInvitePages } from "./members/invites.tsx";
import { memberRemovePages } from "./members/remove.tsx";
import { memberRolePages } from "./members/role.tsx";
import { numbersPage } from "./numbers.tsx";
import { issuerCreatePages } from "./oidc/create.tsx";
import { dryRunPages } from "./oidc/dryRun.tsx";
import { issuerListPage } from "./oidc/list.tsx";
import { policyPages } from "./oidc/policies.tsx";
import { policyEditPages } from "./oidc/policy.tsx";
import { oidcSessionPages } from "./oidc/sessions.tsx";
import { issuerSettingsPages } from "./oidc/settings.tsx";
import { roleDetailPages } from "./roles/detail.tsx";
import { roleEditPages } from "./roles/edit.tsx";
import { roleListPage } from "./roles/list.tsx";
import { roleRemovePages } from "./roles/remove.tsx";
import { scimPages } from "./scim.tsx";
import { settingsPages } from "./settings.tsx";
import { setupPages } from "./setup.tsx";
import { singleSignOnPages } from "./singleSignOn.tsx";
import { organizationPages } from "./organizations.tsx";
import type { PageRoute } from "./page.tsx";
import { ssoPages } from "./sso/page.tsx";
import { streamCreatePages } from "./streams/create.tsx";
import { streamDetailPages } from "./streams/detail.tsx";
import { streamEditPages } from "./streams/edit.tsx";
import { streamListPage } from "./streams/list.tsx";
import { streamRemovePages } from "./streams/remove.tsx";
import { accessPages } from "./stacks/access.tsx";
import { cancelPages } from "./stacks/cancel.tsx";
import { comparePage } from "./stacks/compare.tsx";
import { stackListPages } from "./stacks/list.tsx";
import { outputPages } from "./stacks/outputs.tsx";
import { resourcePages } from "./stacks/resource.tsx";
import { resourceHistoryPage } from "./stacks/resourceHistory.tsx";
import { resourcesPage } from "./stacks/resources.tsx";
import { settingsPage } from "./stacks/settings.tsx";
import { stackPages } from "./stacks/stack.tsx";
import { updatePages } from "./stacks/update.tsx";
import { versionPages } from "./stacks/versions.tsx";
import { teamListPages } from "./teams/list.tsx";
import { teamMemberPages } from "./teams/members.tsx";
import { teamRolePages } from "./teams/roles.tsx";
import { teamSettingsPages } from "./teams/settings.tsx";
import { teamStackPages } from "./teams/stacks.tsx";
import { teamTokenPages } from "./teams/tokens.tsx";
import { createPages } from "./tokens/create.tsx";
import { detailPages } from "./tokens/detail.tsx";
import { tokenListPage } from "./tokens/list.tsx";
import { tokenRemovePages } from "./tokens/remove.tsx";
import { searchPage } from "./search.tsx";
import { sessionPages } from "./sessions.tsx";
import { personalPages } from "./tokens/personal.tsx";
import { valuePage } from "./tokens/value.tsx";
import { webhookPages } from "./webhooks/pages.ts";

/** Every page of the console, in the order in which paths are tried. */
export const pages: PageRoute[] = [
  ...signInPages,
  ...setupPages,
  ...cliLoginPages,
  ...singleSignOnPages,
  ...displayPages,
  ...homePages,
  ...ownInvitePages,
  ...personalPages,
  ...sessionPages,
  ...organizationPages,
  tokenListPage,
  ...createPages,
  valuePage,
  ...detailPages,
  ...tokenRemovePages,
  ...auditPages,
  ...memberPages,
  ...memberInvitePages,
  ...memberRemovePages,
  ...memberRolePages,
  roleListPage,
  ...roleEditPages,
  ...roleDetailPages,
  ...roleRemovePages,
  ...teamListPages,
  ...teamMemberPages,
  ...teamStackPages,
  ...teamRolePages,
  ...teamTokenPages,
  ...teamSettingsPages,
  issuerListPage,
  ...issuerCreatePages,
  ...policyPages,
  ...policyEditPages,
  ...oidcSessionPages,
  ...dryRunPages,
  ...issuerSettingsPages,
  streamListPage,
  ...streamCreatePages,
  ...streamDetailPages,
  ...streamEditPages,
  ...streamRemovePages,
  ...webhookPages("organization"),
  ...settingsPages,
  ...ssoPages,
  ...scimPages,
  numbersPage,
  // Paths with `~` come first: the following accept any name.
  organizationHomePage,
  searchPage,
  ...stackListPages,
  ...stackPages,
  ...cancelPages,
  ...updatePages,
  comparePage,
  ...versionPages,
  ...outputPages,
  resourcesPage,
  ...resourcePages,
  resourceHistoryPage,
  ...accessPages,
  settingsPage,
  ...webhookPages("stack"),
];
