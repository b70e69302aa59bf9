import * as z from "zod/mini";
import { id } from "../http/bounded.ts";
import { orgName } from "../http/names.ts";
import { originOf } from "../http/origin.ts";
import { defineRoute } from "../http/route.ts";
import { acceptInvite, getInvite } from "./acceptInvite.ts";
import { cancelInvite, inviteByEmail, inviteByLink, resendInvite } from "./invite.ts";
import { BatchCreateInviteRequest, CreateInviteRequest } from "./inviteSchema.ts";
import { listOrgInvites, listUserOrgInvites } from "./listInvites.ts";

const org = z.object({ orgName });
const invite = z.object({ orgName, inviteID: id });

export const inviteRoutes = [
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/invites",
      operationId: "ListOrgInvites",
      permission: "invites:read",
      params: org,
    },
    (ctx, { request }) => listOrgInvites(ctx, originOf(ctx.env, request)),
  ),
  defineRoute(
    {
      method: "POST",
      path: "/api/orgs/{orgName}/invites/link",
      operationId: "CreateOrgInviteLink",
      permission: "invites:create",
      params: org,
      body: CreateInviteRequest,
    },
    (ctx, { body, request }) => inviteByLink(ctx, originOf(ctx.env, request), body),
  ),
  // Both operations of the contract do the same here, because accounts are found by their address.
  ...(
    [
      ["batch", "BatchCreateOrgInviteEmail"],
      ["unverified/batch", "BatchCreateOrgUnverifiedInviteEmail"],
    ] as const
  ).map(([kind, operationId]) =>
    defineRoute(
      {
        method: "POST",
        path: `/api/orgs/{orgName}/invites/${kind}`,
        operationId,
        permission: "invites:create",
        params: org,
        body: BatchCreateInviteRequest,
      },
      (ctx, { body, request }) => inviteByEmail(ctx, originOf(ctx.env, request), body.invites),
    ),
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/invites/{inviteID}",
      operationId: "GetOrgInvite",
      permission: "person",
      params: invite,
    },
    async (ctx, { params }) => {
      const { org, role } = await getInvite(ctx, params.orgName, params.inviteID);
      return { githubLogin: org, name: org, avatarUrl: "", role };
    },
  ),
  defineRoute(
    {
      method: "PATCH",
      path: "/api/orgs/{orgName}/invites/{inviteID}",
      operationId: "AcceptOrgInvite",
      permission: "person",
      params: invite,
    },
    (ctx, { params }) => acceptInvite(ctx, params.orgName, params.inviteID),
  ),
  defineRoute(
    {
      method: "DELETE",
      path: "/api/orgs/{orgName}/invites/{inviteID}",
      operationId: "CancelOrgInvite",
      permission: "invites:create",
      params: invite,
    },
    (ctx, { params }) => cancelInvite(ctx, params.inviteID),
  ),
  defineRoute(
    {
      method: "POST",
      path: "/api/orgs/{orgName}/invites/{inviteID}/resend",
      operationId: "ResendOrgInvite",
      permission: "invites:create",
      params: invite,
    },
    (ctx, { params, request }) => resendInvite(ctx, originOf(ctx.env, request), params.inviteID),
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/user/pending-invites",
      operationId: "ListUserOrgInvites",
      permission: "person",
    },
    (ctx, { request }) => listUserOrgInvites(ctx, originOf(ctx.env, request)),
  ),
];
