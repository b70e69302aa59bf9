import type { OrgContext } from "../../context.ts";
import { cut } from "../../http/pageText.ts";
import { cancelInvite, inviteByLink } from "../../orgs/invite.ts";
import { CreateInviteRequest } from "../../orgs/inviteSchema.ts";
import { listOrgInvites } from "../../orgs/listInvites.ts";
import { builtInRoles } from "../../roles/builtIn.ts";
import type { Role } from "../../orgs/table.ts";
import { attempt, readForm } from "../attempt.ts";
import { Copyable, Empty, Notice, Table, Time } from "../components.tsx";
import { type PageInput, type View, definePage } from "../page.tsx";
import { placePath } from "../paths.ts";
import { RolePicker, roleChoices } from "../roles/picker.tsx";
import { ADMIN_WARNING, ROOM_FOR_ROLES, roleIn, rolesOfPeople } from "./role.tsx";

const HERE = "/:orgName/~/members/invites" as const;
const MOST_INVITES = 100;
type Context = OrgContext & { page: PageInput };

/** Pending invitations: created, handed out as links, and canceled. No mail is sent. */
export const memberInvitePages = [
  definePage("GET", HERE, "invites:read", (ctx) => view(ctx)),
  definePage("POST", HERE, "invites:create", async (ctx) => {
    const { form, url } = ctx.page;
    const { role, fgaRoleId: roleId } = { fgaRoleId: undefined, role: undefined, ...roleIn(form) };
    const body = readForm(CreateInviteRequest, { role, roleId });
    const made = "problem" in body ? body : await attempt(() => inviteByLink(ctx, url.origin, body.value), [400, 403, 409]);
    return "problem" in made ? view(ctx, made.problem.message) : { to: placePath(ctx.org.name, "members", "invites") };
  }),
  definePage("POST", `${HERE}/:inviteID/cancel`, "invites:create", async (ctx) => {
    const done = await attempt(() => cancelInvite(ctx, ctx.page.params["inviteID"] ?? ""), [404]);
    return "problem" in done ? view(ctx, done.problem.message) : { to: placePath(ctx.org.name, "members", "invites") };
  }),
];

async function view(ctx: Context, problem?: string): Promise<View> {
  const { page, org } = ctx;
  const { invites } = await listOrgInvites(ctx, page.url.origin);
  const here = placePath(org.name, "members", "invites");
  const choices = await roleChoices(ctx, rolesOfPeople, "default");
  const roleName = (role: Role, id?: string) => (id && choices.find(({ value }) => value === id)?.role.name) || builtInRoles[role].name;
  return {
    title: "Invitations",
    at: "members",
    status: problem ? 400 : 200,
    body: (
      <section>
        <p>
          <a href={placePath(org.name, "members")}>Members</a>
        </p>
        <h1>Invitations</h1>
        {problem && <Notice kind="error">{problem}</Notice>}
        {invites.length === 0 ? (
          <Empty>
            <p>No pending invitations. Create a link and send it yourself.</p>
          </Empty>
        ) : (
          <>
            <p class="faint">
              Anyone with a link may join with its role, once, within 30 days. Stackpass sends no mail: send the link yourself.
            </p>
            <Table caption="Pending invitations" head={["Link", "Role", "By", "Sent", "Cancel"]}>
              {invites.slice(0, MOST_INVITES).map((invite) => (
                <tr>
                  <td>
                    <Copyable label={cut(invite.email, 100) || "Anyone with the link"} text={invite.acceptInviteUrl} />
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
              <button>Create invite link</button>
            </form>
          </>
        )}
      </section>
    ),
  };
}
