import * as z from "zod/mini";
import { orgName } from "../http/names.ts";
import { defineRoute } from "../http/route.ts";
import { acceptInvite, getInvite } from "./acceptInvite.ts";
import { cancelInvite, inviteByEmail, inviteByLink, resendInvite } from "./invite.ts";
import { BatchCreateInviteRequest, CreateInviteRequest } from "./inviteSchema.ts";
import { listOrgInvites, listUserOrgInvites } from "./listInvites.ts";

const org = z.object({ orgName });
const invite = z.object({ orgName, inviteID: z.string() });
/** Links lead to the deployment that was asked. */
const originOf = (request: Request) => new URL(request.url).origin;

export const inviteRoutes = [
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/invites",
      operationId: "ListOrgInvites",
      tags: ["Organizations"],
      summary: "Invitations that wait, with their links",
      permission: "invites:read",
      params: org,
    },
    (ctx, { request }) => listOrgInvites(ctx, originOf(request)),
  ),
  defineRoute(
    {
      method: "POST",
      path: "/api/orgs/{orgName}/invites/link",
      operationId: "CreateOrgInviteLink",
      tags: ["Organizations"],
      summary: "Invites whoever has the link",
      permission: "invites:create",
      params: org,
      body: CreateInviteRequest,
    },
    (ctx, { body, request }) => inviteByLink(ctx, originOf(request), body),
  ),
  // An account is not told from an address here, so both of the contract's ways are one.
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
        tags: ["Organizations"],
        summary: "Invites people by address; no mail is sent, the links are in the answer",
        permission: "invites:create",
        params: org,
        body: BatchCreateInviteRequest,
      },
      (ctx, { body, request }) => inviteByEmail(ctx, originOf(request), body.invites),
    ),
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/orgs/{orgName}/invites/{inviteID}",
      operationId: "GetOrgInvite",
      tags: ["Organizations"],
      summary: "Organization and role of an invitation that waits, for whoever knows its id",
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
      tags: ["Organizations"],
      summary: "The caller joins; once",
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
      tags: ["Organizations"],
      summary: "Withdraws an invitation that waits",
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
      tags: ["Organizations"],
      summary: "Counts an invitation as sent now; no mail is sent",
      permission: "invites:create",
      params: invite,
    },
    (ctx, { params }) => resendInvite(ctx, params.inviteID),
  ),
  defineRoute(
    {
      method: "GET",
      path: "/api/user/pending-invites",
      operationId: "ListUserOrgInvites",
      tags: ["Users"],
      summary: "Invitations for the caller's address",
      permission: "person",
    },
    (ctx, { request }) => listUserOrgInvites(ctx, originOf(request)),
  ),
];
