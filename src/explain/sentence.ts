/** Says in plain words what `auth/explain.ts` found. Pure. */
import { editionFault } from "../auth/editions.ts";
import type { Refusal, Source } from "../auth/explain.ts";
import type { OrgPermission } from "../auth/policy.ts";
import type { OrgContext } from "../context.ts";
import { stackPermissions } from "../orgs/table.ts";
import { builtInRoles } from "../roles/builtIn.ts";
import type { GrantPermission } from "../teams/table.ts";
import type { TokenState } from "../tokens/accessToken.ts";
import type { Reason } from "./openapi.ts";

export const grantNames: Record<GrantPermission, string> = { 101: "read", 102: "write", 103: "admin", 104: "creator" };

/** @param stack "" for a question about the whole organization */
export function toReason(source: Source, orgName: string, stack: string): Reason {
  switch (source.by) {
    case "membership":
      return { by: source.by, text: `Everybody in ${orgName} has this right.` };
    case "role":
      return { by: source.by, role: builtInRoles[source.role].name, text: `The role ${builtInRoles[source.role].name} includes it.` };
    case "default-permission": {
      const [name] = Object.entries(stackPermissions).find(([, value]) => value === source.permission)!;
      const text = `The permission of ${orgName}'s members on all stacks is ${name}.`;
      return { by: source.by, permission: source.permission, text };
    }
    case "custom-role": {
      const isDefault = source.isDefault ? `, the default role of ${orgName},` : "";
      return { by: source.by, role: source.role, text: `The role ${source.role}${isDefault} includes it.` };
    }
    case "team-role":
      return { by: source.by, team: source.team, role: source.role, text: `Team ${source.team} has the role ${source.role}.` };
    case "team-grant": {
      if (!stack) return { by: source.by, team: source.team, text: `Team ${source.team} has grants on single stacks.` };
      const text = `Team ${source.team} has ${grantNames[source.permission]} on ${stack}.`;
      return { by: source.by, team: source.team, permission: source.permission, text };
    }
    case "direct-grant":
    case "creator-grant": {
      if (!stack) return { by: "direct-grant", text: "There are grants on single stacks." };
      const text =
        source.by === "creator-grant"
          ? `The creator of ${stack} has all rights of a stack's administrator.`
          : `A grant on ${stack} gives it.`;
      return { by: source.by, permission: source.permission, text };
    }
  }
}

/** @param days the longest lifetime that the organization accepts */
export function refusalText(
  { org, settings }: { org: OrgContext["org"]; settings: { maxTokenExpiryDays: number | null } },
  refusal: Refusal | Exclude<TokenState, "active">,
  permission: OrgPermission,
  stack: string,
): string {
  const right = `the right ${permission}${stack && ` on ${stack}`}`;
  switch (refusal) {
    case "no-right":
      return `No role, team or grant gives ${right}.`;
    case "administrators-only":
      return `Only administrators of ${org.name} have ${right}.`;
    case "people-only":
      return `Only people can have ${right}, not access tokens.`;
    case "setting":
      return `The settings of ${org.name} do not give its members ${right}.`;
    case "token-stacks":
      return `This access token is limited to certain stacks, and its limits do not give ${right}.`;
    case "network":
      return "This access token may not be used from this network.";
    case "expiry-policy":
      return `${org.name} accepts only access tokens that expire within ${settings.maxTokenExpiryDays} days.`;
    case "edition":
      return editionFault(permission)!.message;
    case "disabled":
    case "deleted":
    case "rotated":
      return `This access token was ${refusal}.`;
    case "expired":
      return "This access token has expired.";
  }
}
