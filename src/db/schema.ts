/** All tables, for drizzle-kit. */
export * from "../audit/table.ts";
export * from "../console/table.ts";
export * from "../identity/table.ts";
export * from "../metrics/table.ts";
export * from "../oidc/table.ts";
export * from "../orgs/table.ts";
export * from "../roles/table.ts";
export * from "../scim/table.ts";
export * from "../sso/table.ts";
export * from "../stacks/table.ts";
export * from "../streams/table.ts";
export * from "../teams/table.ts";
export * from "../tokens/table.ts";
export * from "../updates/table.ts";
export * from "../users/table.ts";
export * from "../webhooks/table.ts";
