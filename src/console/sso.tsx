import type * as z from "zod/mini";
import type { OrgContext } from "../context.ts";
import { badRequest } from "../errors.ts";
import { cut } from "../http/pageText.ts";
import { createConnection, deleteConnection, listConnections, updateConnection } from "../sso/connections.ts";
import { addDomain, listDomains, removeDomain, verifyDomain } from "../sso/domains.ts";
import type { Connection } from "../sso/openapi.ts";
import { AddDomainRequest, CreateConnectionRequest, UpdateConnectionRequest, UpdateSsoSettingsRequest } from "../sso/schema.ts";
import { getSsoSettings, updateSsoSettings } from "../sso/settings.ts";
import { type Problem, attempt, readForm, statusOf } from "./attempt.ts";
import { Area, Badge, Choice, Empty, Field, Notice, Table } from "./components.tsx";
import { type PageInput, type View, definePage } from "./page.tsx";
import { placePath } from "./paths.ts";

const HERE = "/:orgName/~/sso" as const;
type Context = OrgContext & { page: PageInput };
type Form = Record<string, string>;

/** The single sign-on of an organization: its connections, its domains, and what it requires. */
export const ssoPages = [
  definePage("GET", HERE, "organization:set_access", (ctx) => view(ctx)),
  definePage("POST", HERE, "organization:set_access", async (ctx) => {
    const problem = await change(ctx, ctx.page.form);
    return problem ? view(ctx, problem) : { to: placePath(ctx.org.name, "sso") };
  }),
];

/** Does what a form of the page asks for. @returns what is wrong with it */
async function change(ctx: Context, form: Form): Promise<Problem | undefined> {
  const { origin } = ctx.page.url;
  const id = form["connection"] ?? "";
  const domain = form["domain"] ?? "";
  switch (form["do"]) {
    case "create":
      return read(CreateConnectionRequest, { ...connectionOf(form), kind: form["kind"] }, (body) => createConnection(ctx, body, origin));
    case "update":
      return read(UpdateConnectionRequest, connectionOf(form), (body) => updateConnection(ctx, id, body, origin));
    case "delete":
      return failure(() => deleteConnection(ctx, id));
    case "add-domain":
      return read(AddDomainRequest, { domain }, (body) => addDomain(ctx, body.domain));
    case "verify-domain":
      return read(AddDomainRequest, { domain }, (body) => verifyDomain(ctx, body.domain));
    case "remove-domain":
      return read(AddDomainRequest, { domain }, (body) => removeDomain(ctx, body.domain));
    case "settings":
      return read(
        UpdateSsoSettingsRequest,
        {
          required: form["required"],
          reauthDays: Number(form["reauthDays"]),
          sessionHours: Number(form["sessionHours"]),
          emergencyAdmins: words(form["emergencyAdmins"]),
        },
        (body) => updateSsoSettings(ctx, body),
      );
    default:
      throw badRequest("this form has no such action");
  }
}

async function read<S extends z.ZodMiniType>(
  schema: S,
  input: unknown,
  work: (body: z.output<S>) => Promise<unknown>,
): Promise<Problem | undefined> {
  const body = readForm(schema, input);
  return "problem" in body ? body.problem : failure(() => work(body.value));
}

async function failure(work: () => Promise<unknown>): Promise<Problem | undefined> {
  const done = await attempt(work, [400, 404, 409]);
  return "problem" in done ? done.problem : undefined;
}

const words = (text = "") => text.split(/[\s,]+/).filter(Boolean);

/** The members of a request that the form of a connection has. An empty secret keeps the one that is stored. */
const connectionOf = (form: Form) => ({
  name: form["name"],
  ...(form["issuer"] && { issuer: form["issuer"] }),
  clientId: form["clientId"],
  ...(form["clientSecret"] && { clientSecret: form["clientSecret"] }),
  allowedDomains: words(form["allowedDomains"]),
  groupClaim: form["groupClaim"] ?? "",
  groupScope: form["groupScope"] ?? "",
  groupMappings: mappingsOf(form["groupMappings"] ?? ""),
  enabled: form["enabled"] !== "no",
});

const ADMIN = "(Admin)";

/** A line `group = team` for each mapping. The name of a group may contain the sign itself. */
const mappingsOf = (text: string) =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean)
    .map((line) => {
      const at = line.lastIndexOf("=");
      const [group, team] = [line.slice(0, Math.max(at, 0)).trim(), line.slice(at + 1).trim()];
      return team === ADMIN ? { group, role: "admin" } : { group, team };
    });

const textOf = ({ groupMappings }: Connection) =>
  groupMappings.map((mapping) => `${mapping.group} = ${"role" in mapping ? ADMIN : mapping.team}`).join("\n");

async function view(ctx: Context, problem?: Problem): Promise<View> {
  const { connections, redirectUri } = await listConnections(ctx, ctx.page.url.origin);
  const { domains } = await listDomains(ctx);
  const settings = await getSsoSettings(ctx);
  const edited = connections.find(({ id }) => id === (problem ? ctx.page.form["connection"] : ctx.page.query.get("connection")));
  return {
    title: "Single sign-on",
    at: "settings",
    status: statusOf(problem),
    body: (
      <section>
        <h1>Single sign-on</h1>
        {problem && <Notice kind="error">{[problem.message, ...Object.values(problem.fields)].join(" ")}</Notice>}
        <p>
          Register this redirect address at your identity provider: <code>{redirectUri}</code>
        </p>
        <h2>Connections</h2>
        {connections.length === 0 ? (
          <Empty>
            <p>There is no connection to an identity provider yet.</p>
          </Empty>
        ) : (
          <Table caption="Connections" head={["Name", "Issuer", "State", "Change"]}>
            {connections.map((connection) => (
              <tr>
                <th scope="row">{connection.name}</th>
                <td>{cut(connection.issuer, 200)}</td>
                <td>
                  <Badge kind={connection.enabled ? "good" : "warning"}>{connection.enabled ? "enabled" : "disabled"}</Badge>
                </td>
                <td>
                  <a href={`?connection=${connection.id}`} aria-label={`Change ${connection.name}`}>
                    Change…
                  </a>
                </td>
              </tr>
            ))}
          </Table>
        )}
        <ConnectionForm edited={edited} form={problem ? ctx.page.form : {}} />
        <Domains domains={domains} />
        <h2>Requirement</h2>
        <form method="post" class="narrow">
          <input type="hidden" name="do" value="settings" />
          <Choice
            name="required"
            label="Single sign-on is required"
            value={settings.required}
            options={[
              ["off", "of nobody"],
              ["people", "of people in the console"],
              ["people-and-tokens", "of people, and of their personal tokens"],
            ]}
          />
          <Field
            name="emergencyAdmins"
            label="Emergency administrators"
            value={settings.emergencyAdmins.join(" ")}
            hint="Logins of administrators who need no single sign-on, for the day on which the identity provider fails. Each use is recorded."
          />
          <Field
            name="reauthDays"
            label="Personal tokens work for (days)"
            type="number"
            value={String(settings.reauthDays)}
            hint="After the last sign-in of their holder. 0 for no limit."
          />
          <Field name="sessionHours" label="Longest session (hours)" type="number" value={String(settings.sessionHours)} />
          <button>Save</button>
        </form>
      </section>
    ),
  };
}

const ConnectionForm = ({ edited, form }: { edited: Connection | undefined; form: Form }) => {
  const value = (name: string, stored: string) => (form["do"] === (edited ? "update" : "create") ? (form[name] ?? "") : stored);
  return (
    <>
      <h2>{edited ? `Change ${edited.name}` : "Add a connection"}</h2>
      <form method="post" class="narrow">
        <input type="hidden" name="do" value={edited ? "update" : "create"} />
        {edited ? (
          <input type="hidden" name="connection" value={edited.id} />
        ) : (
          <Choice
            name="kind"
            label="Kind"
            value={form["kind"] ?? "oidc"}
            options={[
              ["oidc", "OpenID Connect"],
              ["github", "GitHub"],
            ]}
          />
        )}
        <Field name="name" label="Name" required maxlength={80} value={value("name", edited?.name ?? "")} />
        {!edited && (
          <Field
            name="issuer"
            label="Issuer"
            value={value("issuer", "")}
            placeholder="https://example.okta.com"
            hint="The address of the provider, as it is in its ID tokens. Leave empty for github.com."
          />
        )}
        <Field name="clientId" label="Client id" required value={value("clientId", edited?.clientId ?? "")} />
        <Field
          name="clientSecret"
          label="Client secret"
          type="password"
          required={!edited}
          hint={edited ? "Leave empty to keep the one that is stored." : "It is stored encrypted and never shown again."}
        />
        <Field
          name="allowedDomains"
          label="Domains whose people may join"
          value={value("allowedDomains", edited?.allowedDomains.join(" ") ?? "")}
          hint="Separated by spaces. Only domains that are proved below count. Everybody else needs an invitation."
        />
        <Field
          name="groupClaim"
          label="Claim with the groups"
          value={value("groupClaim", edited?.groupClaim ?? "")}
          placeholder="groups"
          hint="Leave empty to ignore groups."
        />
        <Field
          name="groupScope"
          label="Scope for the groups"
          value={value("groupScope", edited?.groupScope ?? "")}
          hint="Only if the provider needs one."
        />
        <Area
          name="groupMappings"
          label="Teams of groups"
          rows={4}
          value={value("groupMappings", edited ? textOf(edited) : "")}
          hint={`One line for each: "group = team". The team ${ADMIN} makes the group's people administrators.`}
        />
        {edited && (
          <Choice
            name="enabled"
            label="State"
            value={value("enabled", edited.enabled ? "yes" : "no")}
            options={[
              ["yes", "enabled"],
              ["no", "disabled: the sessions and personal tokens that it opened end"],
            ]}
          />
        )}
        <button>{edited ? "Save connection" : "Add connection"}</button>
      </form>
      {edited && (
        <form method="post" class="narrow">
          <input type="hidden" name="do" value="delete" />
          <input type="hidden" name="connection" value={edited.id} />
          <p>Deleting the connection ends what it opened, and the identities of its people are forgotten. Accounts and memberships stay.</p>
          <button class="danger">Delete {edited.name}</button>
        </form>
      )}
    </>
  );
};

const Domains = ({ domains }: { domains: Awaited<ReturnType<typeof listDomains>>["domains"] }) => (
  <>
    <h2>Domains</h2>
    {domains.length > 0 && (
      <Table caption="Domains" head={["Domain", "TXT record", "State", "Verify", "Remove"]}>
        {domains.map(({ domain, record, proven }) => (
          <tr>
            <th scope="row">{domain}</th>
            <td>
              <code>
                {record.name} {record.value}
              </code>
            </td>
            <td>
              <Badge kind={proven ? "good" : "warning"}>{proven ? "proved" : "not proved"}</Badge>
            </td>
            {(["verify", "remove"] as const).map((action) => (
              <td>
                <form method="post">
                  <input type="hidden" name="do" value={`${action}-domain`} />
                  <input type="hidden" name="domain" value={domain} />
                  <button class="quiet" aria-label={`${action === "verify" ? "Verify" : "Remove"} ${domain}`}>
                    {action === "verify" ? "Verify" : "Remove"}
                  </button>
                </form>
              </td>
            ))}
          </tr>
        ))}
      </Table>
    )}
    <form method="post" class="narrow">
      <input type="hidden" name="do" value="add-domain" />
      <Field
        name="domain"
        label="Domain"
        required
        placeholder="example.com"
        hint="Add it, create the TXT record that is shown then, and verify it."
      />
      <button class="quiet">Add domain</button>
    </form>
  </>
);
