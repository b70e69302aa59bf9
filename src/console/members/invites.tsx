import type * as z from "zod/mini";
import type { OrgContext } from "../../context.ts";
import { cut } from "../../http/pageText.ts";
import { conflict } from "../../errors.ts";
import { sendsMail } from "../../mail/send.ts";
import { cancelInvite, inviteByEmail, inviteByLink } from "../../orgs/invite.ts";
import { CreateInviteRequest, EmailInviteRequest } from "../../orgs/inviteSchema.ts";
import { listOrgInvites } from "../../orgs/listInvites.ts";
import type { MailState } from "../../orgs/openapi.ts";
import { builtInRoles } from "../../roles/builtIn.ts";
import type { Role } from "../../orgs/table.ts";
import { answering, attempt, readForm } from "../attempt.ts";
import { Copyable, Empty, Field, Notice, Table, Time } from "../components.tsx";
import { type PageInput, type View, definePage } from "../page.tsx";
import { placePath } from "../paths.ts";
import { RolePicker, roleChoices } from "../roles/picker.tsx";
import { ADMIN_WARNING, ROOM_FOR_ROLES, roleIn, rolesOfPeople } from "./role.tsx";

const HERE = "/:orgName/~/members/invites" as const;
const MOST_INVITES = 100;
type Context = OrgContext & { page: PageInput };

/** Pending invitations: created, mailed if the deployment sends mail, handed out as links, and canceled. */
export const memberInvitePages = [
  definePage("GET", HERE, "invites:read", (ctx) => view(ctx)),
  definePage("POST", HERE, "invites:create", async (ctx) => {
    const { form, url } = ctx.page;
    const { role, fgaRoleId: roleId } = { fgaRoleId: undefined, role: undefined, ...roleIn(form) };
    const email = form["email"]?.trim() ?? "";
    const body = email ? readForm(EmailInviteRequest, { email, role, roleId }) : readForm(CreateInviteRequest, { role, roleId });
    const made = "problem" in body ? body : await attempt(() => invite(ctx, url.origin, email, body.value), [400, 403, 409, 429]);
    return "problem" in made
      ? view(ctx, made.problem)
      : { to: placePath(ctx.org.name, "members", "invites"), said: "The invitation was created." };
  }),
  definePage("POST", `${HERE}/:inviteID/cancel`, "invites:create", async (ctx) => {
    const done = await attempt(() => cancelInvite(ctx, ctx.page.params["inviteID"] ?? ""), [404]);
    return "problem" in done
      ? view(ctx, done.problem)
      : { to: placePath(ctx.org.name, "members", "invites"), said: "The invitation was canceled." };
  }),
];

/** @throws 409 for an address that is invited, or a member's */
async function invite(ctx: Context, origin: string, email: string, body: z.infer<typeof CreateInviteRequest>): Promise<void> {
  if (!email) return void (await inviteByLink(ctx, origin, body));
  const { sentInvites } = await inviteByEmail(ctx, origin, [{ ...body, email }]);
  if (sentInvites.length === 0) throw conflict(`${email} belongs to a member, or has a pending invitation`);
}

const mailTexts: Record<MailState, string> = {
  waiting: "The mail is being sent.",
  sent: "The mail was sent.",
  failed: "The mail could not be sent: send the link yourself.",
};

async function view(ctx: Context, problem = ctx.page.problem): Promise<View> {
  const { page, org } = ctx;
  const hasMail = sendsMail(ctx.env);
  const { invites } = await listOrgInvites(ctx, page.url.origin);
  const here = placePath(org.name, "members", "invites");
  const choices = await roleChoices(ctx, rolesOfPeople, "default");
  const roleName = (role: Role, id?: string) => (id && choices.find(({ value }) => value === id)?.role.name) || builtInRoles[role].name;
  return {
    title: "Invitations",
    at: "members",
    ...answering(problem),
    body: (
      <section>
        <p>
          <a href={placePath(org.name, "members")}>Members</a>
        </p>
        <h1>Invitations</h1>
        {problem && <Notice kind="error">{problem.message}</Notice>}
        {invites.length === 0 ? (
          <Empty>
            <p>No pending invitations.{!hasMail && " Create a link and send it yourself."}</p>
          </Empty>
        ) : (
          <>
            <p class="faint">
              Anyone with a link may join with its role, once, within 30 days.{" "}
              {hasMail ? "Send the link of an invitation without an address yourself." : "Stackpass sends no mail: send the link yourself."}
            </p>
            <Table caption="Pending invitations" head={["Link", "Role", "By", "Sent", "Cancel"]}>
              {invites.slice(0, MOST_INVITES).map((invite) => (
                <tr>
                  <td>
                    <Copyable label={cut(invite.email, 100) || "Anyone with the link"} text={invite.acceptInviteUrl} />
                    {invite.mail && <div class="hint">{mailTexts[invite.mail]}</div>}
                  </td>
                  <td>{cut(roleName(invite.role as Role, invite.roleId), 100)}</td>
                  <td>{invite.sentBy.githubLogin}</td>
                  <td>
                    <Time at={invite.sentAt * 1000} />
                  </td>
                  <td>
                    <form method="post" action={`${here}/${invite.id}/cancel`}>
                      <button class="quiet" aria-label={`Cancel the invitation ${invite.id.slice(0, 8)}`}>
                        Cancel
                      </button>
                    </form>
                  </td>
                </tr>
              ))}
            </Table>
            {invites.length > MOST_INVITES && <p class="faint">and {invites.length - MOST_INVITES} older ones</p>}
          </>
        )}
        {page.may("invites:create") && (
          <>
            <h2>Invite a person</h2>
            <form method="post" action={here} class="narrow">
              <RolePicker
                name="role"
                legend="Role"
                value={page.form["role"] ?? "member"}
                choices={choices}
                warning={ADMIN_WARNING}
                room={ROOM_FOR_ROLES}
              />
              {hasMail && (
                <Field
                  name="email"
                  label="Mail address"
                  value={page.form["email"]}
                  error={problem?.fields?.["email"]}
                  maxlength={254}
                  hint="We send the link to this address. Leave empty to get a link that you send yourself."
                />
              )}
              <button>{hasMail ? "Invite" : "Create invite link"}</button>
            </form>
          </>
        )}
      </section>
    ),
  };
}
