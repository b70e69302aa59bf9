import type { OrgContext } from "../../context.ts";
import { cut } from "../../http/pageText.ts";
import { listConnections } from "../../sso/connections.ts";
import { listDomains } from "../../sso/domains.ts";
import { getSsoSettings } from "../../sso/settings.ts";
import { answering } from "../attempt.ts";
import { Badge, Choice, Copyable, Empty, Field, Notice, Table } from "../components.tsx";
import { type PageInput, type View, definePage } from "../page.tsx";
import { placePath } from "../paths.ts";
import { change } from "./change.ts";
import { ConnectionForm } from "./connection.tsx";
import { Domains } from "./domains.tsx";
import { SamlForm, SamlOffer } from "./saml.tsx";

const HERE = "/:orgName/~/sso" as const;
/** Maximum number of characters of a form with the metadata of a provider. */
const MOST_FORM = 512 * 1024;
type Context = OrgContext & { page: PageInput };

/** The single sign-on of an organization: its connections, its domains, and what it requires. */
export const ssoPages = [
  definePage("GET", HERE, "organization:set_access", (ctx) => view(ctx)),
  {
    ...definePage("POST", HERE, "organization:set_access", async (ctx) => {
      const problem = await change(ctx);
      return problem ? view(ctx, problem) : { to: placePath(ctx.org.name, "sso"), said: "The change was saved." };
    }),
    formLimit: MOST_FORM,
  },
];

async function view(ctx: Context, problem = ctx.page.problem): Promise<View> {
  const { connections, redirectUri } = await listConnections(ctx, ctx.page.url.origin);
  const { domains } = await listDomains(ctx);
  const settings = await getSsoSettings(ctx);
  const edited = connections.find(({ id }) => id === (problem ? ctx.page.form["connection"] : ctx.page.query.get("connection")));
  const form = problem ? ctx.page.form : {};
  const isSaml = edited ? edited.kind === "saml" : (problem ? form["kind"] : ctx.page.query.get("kind")) === "saml" && ctx.env.SAML;
  return {
    title: "Single sign-on",
    at: "settings",
    ...answering(problem),
    body: (
      <section>
        <h1>Single sign-on</h1>
        {problem && <Notice kind="error">{[problem.message, ...Object.values(problem.fields)].join(" ")}</Notice>}
        <Copyable label="Redirect address" text={redirectUri} />
        <p class="hint">Register it at your identity provider.</p>
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
        {isSaml ? (
          <SamlForm edited={edited} form={form} org={ctx.org.name} origin={ctx.page.url.origin} />
        ) : (
          <>
            <ConnectionForm edited={edited} form={form} />
            {!edited && <SamlOffer isThere={ctx.env.SAML !== undefined} />}
          </>
        )}
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
