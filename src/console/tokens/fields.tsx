import { settingsOf } from "../../auth/policy.ts";
import type { Child } from "hono/jsx";
import type { OrgContext } from "../../context.ts";
import { Field } from "../components.tsx";
import { ExpiryFields, expiresOf } from "./expiry.tsx";
import { LimitFields, tokenLimitsIn } from "./limits.tsx";

type Form = Record<string, string>;

/** The members of the API's request that tokens of organizations and of teams have, from the form's fields. */
export const newTokenIn = (form: Form, now: number) => ({
  name: form["name"],
  description: form["description"],
  expires: expiresOf(form, now),
  mayRotateItself: form["mayRotateItself"] === "yes",
  ...tokenLimitsIn(form),
});

interface Props {
  ctx: OrgContext;
  form: Form;
  errors: Form;
  /** The fields about rights. */
  children?: Child;
}

/** The fields of a new machine token. */
export const NewTokenFields = ({ ctx, form, errors, children }: Props) => (
  <>
    <Field
      name="name"
      label="Name"
      value={form["name"]}
      error={errors["name"]}
      required
      maxlength={40}
      pattern="[A-Za-z0-9_\-]{1,40}"
      complaint="Letters, digits, hyphens and underscores; at most 40."
      hint="The token's purpose, such as jenkins-ci-dev. The name is permanent and is shown in the audit log."
      autofocus
    />
    <Field name="description" label="Description" value={form["description"]} error={errors["description"]} maxlength={255} />
    {children}
    <ExpiryFields
      now={ctx.now}
      maxDays={settingsOf(ctx).maxTokenExpiryDays}
      value={form["expiry"]}
      date={form["expiryDate"] ?? ""}
      error={errors["expires"]}
    />
    <details open={Boolean(form["stacks"] || form["networks"] || form["countries"])}>
      <summary>Limits</summary>
      <LimitFields form={form} errors={errors} />
      <label class="plain option">
        <input type="checkbox" name="mayRotateItself" value="yes" checked={form["mayRotateItself"] === "yes"} /> Allow this token to rotate
        itself
      </label>
    </details>
  </>
);
