import { auditLogRoutes } from "../auditlogs/routes.ts";
import { stubRoutes } from "../stubs/routes.ts";
import { explainRoutes } from "../explain/routes.ts";
import { historyRoutes, statusRoutes } from "../history/routes.ts";
import { identityRoutes } from "../identity/routes.ts";
import { inviteRoutes } from "../orgs/inviteRoutes.ts";
import { membershipRoutes } from "../orgs/membershipRoutes.ts";
import { oidcRoutes } from "../oidc/routes.ts";
import { operatorRoutes } from "../operator/routes.ts";
import { orgRoutes } from "../orgs/routes.ts";
import { registryRoutes } from "../registry/routes.ts";
import { rightsizeRoutes } from "../rightsize/routes.ts";
import { roleRoutes } from "../roles/routes.ts";
import { scimRoutes } from "../scim/routes.ts";
import { secretRoutes } from "../secrets/routes.ts";
import { resourceRoutes } from "../stacks/resourceRoutes.ts";
import { configRoutes } from "../stacks/configRoutes.ts";
import { deletedRoutes } from "../stacks/deletedRoutes.ts";
import { peopleRoutes } from "../stacks/peopleRoutes.ts";
import { referenceRoutes } from "../stacks/referenceRoutes.ts";
import { sessionRoutes } from "../sessions/routes.ts";
import { ssoRoutes } from "../sso/routes.ts";
import { exportConfigRoutes } from "../streams/exportConfig/routes.ts";
import { streamRoutes } from "../streams/routes.ts";
import { webhookRoutes } from "../webhooks/routes.ts";
import { tagRoutes } from "../stacks/tagRoutes.ts";
import { stackRoutes } from "../stacks/routes.ts";
import { teamRoutes } from "../teams/routes.ts";
import { teamTokenRoutes } from "../teams/tokenRoutes.ts";
import { tokenExtensionRoutes } from "../tokens/extensionRoutes.ts";
import { tokenRoutes } from "../tokens/routes.ts";
import { moveRoutes } from "../updates/moveRoutes.ts";
import { updateRoutes } from "../updates/routes.ts";
import { userRoutes } from "../users/routes.ts";

/** Every operation of the API. The OpenAPI document and the permission matrix are made from this list. */
export const routes = [
  ...stubRoutes,
  ...registryRoutes,
  ...operatorRoutes,
  ...userRoutes,
  ...sessionRoutes,
  ...tokenRoutes,
  ...tokenExtensionRoutes,
  ...orgRoutes,
  ...roleRoutes,
  ...inviteRoutes,
  ...membershipRoutes,
  ...teamRoutes,
  ...teamTokenRoutes,
  ...oidcRoutes,
  ...ssoRoutes,
  ...scimRoutes,
  ...auditLogRoutes,
  ...streamRoutes,
  ...exportConfigRoutes,
  ...webhookRoutes,
  ...rightsizeRoutes,
  ...stackRoutes,
  ...resourceRoutes,
  ...tagRoutes,
  ...configRoutes,
  ...referenceRoutes,
  ...peopleRoutes,
  ...explainRoutes,
  ...deletedRoutes,
  ...secretRoutes,
  ...identityRoutes,
  ...historyRoutes,
  ...updateRoutes,
  ...statusRoutes,
  ...moveRoutes,
];
