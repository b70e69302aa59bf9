import type { Connection } from "../../sso/openapi.ts";
import { NO_SAML } from "../../sso/saml.ts";
import { acsUrlFor, samlMetadataUrlFor } from "../../sso/samlTexts.ts";
import { Area, Choice, Field } from "../components.tsx";
import { AllowedDomains, DeleteForm, type Form, GroupMappings, State, valueIn } from "./connection.tsx";

/** Leads to the form of a connection by SAML, or says what is missing. */
export const SamlOffer = ({ isThere }: { isThere: boolean }) =>
  isThere ? (
    <p>
      The provider supports only SAML? <a href="?kind=saml">Add a connection by SAML</a>
    </p>
  ) : (
    <p class="faint">{NO_SAML}</p>
  );

/** The form of a new connection by SAML, or of one that is changed, with its deletion. */
export const SamlForm = (props: { edited: Connection | undefined; form: Form; org: string; origin: string }) => {
  const { edited, org, origin } = props;
  const value = valueIn(props);
  return (
    <>
      <h2>{edited ? `Change ${edited.name}` : "Add a connection by SAML"}</h2>
      <p>
        Register these at the identity provider. The address for answers (assertion consumer service): <code>{acsUrlFor(org, origin)}</code>
        . The entity id of this server, and the address of its metadata: <code>{edited?.clientId ?? samlMetadataUrlFor(org, origin)}</code>.
      </p>
      <form method="post" class="narrow">
        <input type="hidden" name="do" value={edited ? "update" : "create"} />
        <input type="hidden" name="kind" value="saml" />
        {edited && <input type="hidden" name="connection" value={edited.id} />}
        <Field name="name" label="Name" required maxlength={80} value={value("name", edited?.name ?? "")} />
        <Area
          name="metadata"
          label="Metadata of the identity provider"
          rows={8}
          value={value("metadata", "")}
          hint={
            edited
              ? `The XML. Leave empty to keep the stored metadata, whose last certificate expires on ${edited.saml?.validUntil.slice(0, 10) ?? ""}.`
              : "The XML, from <EntityDescriptor to its end."
          }
        />
        <AllowedDomains {...props} />
        <Field
          name="groupClaim"
          label="Attribute with the groups"
          value={value("groupClaim", edited?.groupClaim ?? "")}
          placeholder="groups"
          hint="Leave empty to ignore groups."
        />
        <GroupMappings {...props} />
        <Choice
          name="idpInitiated"
          label="Sign-ins that the provider begins"
          value={value("idpInitiated", edited?.saml?.idpInitiated ? "yes" : "no")}
          options={[
            ["no", "refused: people begin on the sign-in page"],
            ["yes", "allowed: people confirm them by a click"],
          ]}
        />
        <State {...props} />
        <button>{edited ? "Save connection" : "Add connection"}</button>
      </form>
      {edited && <DeleteForm edited={edited} />}
    </>
  );
};
