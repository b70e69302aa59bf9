import type { Connection } from "../../sso/openapi.ts";
import { Area, Choice, Field } from "../components.tsx";

export type Form = Record<string, string>;

/** The words of a field, separated by spaces or commas. */
export const words = (text = "") => text.split(/[\s,]+/).filter(Boolean);

/** The members of a request that the form of a connection has. An empty secret keeps the one that is stored. */
export const connectionOf = (form: Form) => ({
  name: form["name"],
  ...(form["kind"] === "saml" ? samlOf(form) : oauthOf(form)),
  allowedDomains: words(form["allowedDomains"]),
  groupClaim: form["groupClaim"] ?? "",
  groupMappings: mappingsOf(form["groupMappings"] ?? ""),
  enabled: form["enabled"] !== "no",
});

const oauthOf = (form: Form) => ({
  ...(form["issuer"] && { issuer: form["issuer"] }),
  clientId: form["clientId"],
  ...(form["clientSecret"] && { clientSecret: form["clientSecret"] }),
  groupScope: form["groupScope"] ?? "",
});

/** If the metadata are empty, the stored metadata are kept. */
const samlOf = (form: Form) => ({
  ...(form["metadata"]?.trim() && { metadata: form["metadata"] }),
  ...(form["clientId"] && { clientId: form["clientId"] }),
  idpInitiated: form["idpInitiated"] === "yes",
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

interface FormProps {
  edited: Connection | undefined;
  form: Form;
}

/** The value of a field: what was typed, if the form is shown again, or what is stored. */
export const valueIn =
  ({ edited, form }: FormProps) =>
  (name: string, stored: string): string =>
    form["do"] === (edited ? "update" : "create") ? (form[name] ?? "") : stored;

/** The form of a new connection, or of one that is changed, with its deletion. */
export const ConnectionForm = ({ edited, form }: FormProps) => {
  const value = valueIn({ edited, form });
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
        <AllowedDomains edited={edited} form={form} />
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
        <GroupMappings edited={edited} form={form} />
        <State edited={edited} form={form} />
        <button>{edited ? "Save connection" : "Add connection"}</button>
      </form>
      {edited && <DeleteForm edited={edited} />}
    </>
  );
};

export const AllowedDomains = ({ edited, form }: FormProps) => (
  <Field
    name="allowedDomains"
    label="Domains whose people may join"
    value={valueIn({ edited, form })("allowedDomains", edited?.allowedDomains.join(" ") ?? "")}
    hint="Separated by spaces. Only domains that are proved below count. Everybody else needs an invitation."
  />
);

export const GroupMappings = ({ edited, form }: FormProps) => (
  <Area
    name="groupMappings"
    label="Teams of groups"
    rows={4}
    value={valueIn({ edited, form })("groupMappings", edited ? textOf(edited) : "")}
    hint={`One line for each: "group = team". The team ${ADMIN} makes the group's people administrators.`}
  />
);

export const State = ({ edited, form }: FormProps) =>
  edited && (
    <Choice
      name="enabled"
      label="State"
      value={valueIn({ edited, form })("enabled", edited.enabled ? "yes" : "no")}
      options={[
        ["yes", "enabled"],
        ["no", "disabled: ends the sessions and personal tokens that it opened"],
      ]}
    />
  );

export const DeleteForm = ({ edited }: { edited: Connection }) => (
  <form method="post" class="narrow">
    <input type="hidden" name="do" value="delete" />
    <input type="hidden" name="connection" value={edited.id} />
    <p>Deleting the connection ends what it opened, and the identities of its people are forgotten. Accounts and memberships stay.</p>
    <Field name="confirmation" label={`Type ${edited.name} to confirm`} required autocomplete="off" />
    <button class="danger">Delete {edited.name}</button>
  </form>
);
