import type { Destination } from "../../streams/destination.ts";
import { Choice, Field } from "../components.tsx";

export type Form = Record<string, string>;
export type Kind = Destination["kind"];

/** The kinds of destinations, in the order in which they are offered. */
export const kinds: readonly (readonly [kind: Kind, title: string])[] = [
  ["s3", "A bucket: S3, R2, MinIO and others"],
  ["https", "An HTTPS address"],
  ["splunk", "Splunk"],
  ["datadog", "Datadog"],
  ["elastic", "Elasticsearch"],
];

export const kindOf = (text: string | undefined): Kind | undefined => kinds.find(([kind]) => kind === text)?.[0];

/** The destination that a form describes, as the API takes it. An empty credential keeps the one that is stored. */
export function destinationOf(kind: Kind, form: Form) {
  const text = (name: string) => (form[name] ?? "").trim();
  const given = (member: string, name = member) => (text(name) === "" ? {} : { [member]: text(name) });
  const url = text("url");
  switch (kind) {
    case "s3":
      return {
        kind,
        url,
        region: text("region"),
        bucket: text("bucket"),
        prefix: text("prefix"),
        pathStyle: form["pathStyle"] === "yes",
        ...given("accessKeyId"),
        ...given("secretAccessKey"),
        ...given("roleArn"),
      };
    case "https":
      return {
        kind,
        ...given("url"),
        ...(form["noAuthorization"] === "yes" ? { authorization: null } : given("authorization")),
      };
    case "splunk":
      return { kind, url, ...given("index"), ...given("token") };
    case "datadog":
      return { kind, url, ...given("apiKey") };
    case "elastic":
      return { kind, url, index: text("index"), ...given("apiKey") };
  }
}

/** The fields of a stream as they are stored. */
export function fieldsOf({ name, format, destination }: { name: string; format: string; destination: Destination }): Form {
  const { kind, ...settings } = destination;
  const shown = Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [key, value === true ? "yes" : value === false ? "" : value]),
  );
  // The path of an HTTPS address may be a secret, so it is not known here.
  return { ...shown, ...(kind === "https" && { url: "" }), name, format };
}

interface FieldsProps {
  kind: Kind;
  form: Form;
  errors: Form;
  /** The stored destination, if a stream is changed. */
  edited?: Destination;
}

const formats = [
  ["jsonl", "JSON lines: the whole records"],
  ["ocsf", "OCSF"],
  ["cef", "CEF"],
] as const;

/** The fields that all kinds have, and those of one kind. */
export const StreamFields = (props: FieldsProps) => {
  const { kind, form, errors } = props;
  return (
    <>
      <Field name="name" label="Name" value={form["name"]} error={errors["name"]} required maxlength={100} />
      {kind === "s3" && <BucketFields {...props} />}
      {kind === "https" && <AddressFields {...props} />}
      {(kind === "splunk" || kind === "datadog" || kind === "elastic") && <ServiceFields {...props} kind={kind} />}
      {(kind === "s3" || kind === "https") && <Choice name="format" label="Format" value={form["format"] ?? "jsonl"} options={formats} />}
    </>
  );
};

interface SecretProps extends FieldsProps {
  name: string;
  label: string;
  optional?: boolean;
}

const KEPT = "Leave empty to keep the one that is stored. If the host changes, enter it again.";

/** A credential. It is never shown again. */
const Secret = ({ name, label, errors, edited, optional = false }: SecretProps) => (
  <Field
    name={name}
    label={label}
    type="password"
    error={errors[name]}
    required={!edited && !optional}
    maxlength={1000}
    hint={edited ? KEPT : "It is stored encrypted and never shown again."}
  />
);

const BucketFields = (props: FieldsProps) => {
  const { form, errors } = props;
  return (
    <>
      <Field
        name="url"
        label="Address of the store"
        value={form["url"]}
        error={errors["url"]}
        required
        maxlength={1000}
        placeholder="https://s3.eu-central-1.amazonaws.com"
        hint="Without the bucket."
      />
      <Field
        name="region"
        label="Region"
        value={form["region"]}
        error={errors["region"]}
        required
        maxlength={50}
        placeholder="eu-central-1"
        hint="R2 has the region auto."
      />
      <Field name="bucket" label="Bucket" value={form["bucket"]} error={errors["bucket"]} required maxlength={63} />
      <Field
        name="prefix"
        label="Prefix"
        value={form["prefix"]}
        error={errors["prefix"]}
        maxlength={300}
        hint="The folder in the bucket. It may be empty."
      />
      <label class="plain option">
        <input type="checkbox" name="pathStyle" value="yes" checked={form["pathStyle"] === "yes"} /> The bucket is in the path of the
        address, and not in its host. R2 and MinIO need this.
      </label>
      <Field
        name="accessKeyId"
        label="Access key id"
        value={form["accessKeyId"]}
        error={errors["accessKeyId"]}
        maxlength={200}
        hint="It needs the right s3:PutObject and nothing else. Leave it empty to use a role."
      />
      <Secret {...props} name="secretAccessKey" label="Secret access key" optional />
      <Field
        name="roleArn"
        label="IAM role"
        value={form["roleArn"]}
        error={errors["roleArn"]}
        maxlength={700}
        placeholder="arn:aws:iam::111122223333:role/audit"
        hint="In place of a key. The page of the stream shows what its trust policy must admit."
      />
    </>
  );
};

const AddressFields = ({ form, errors, edited }: FieldsProps) => (
  <>
    <Field
      name="url"
      label="Address"
      value={form["url"]}
      error={errors["url"]}
      required={!edited}
      maxlength={1000}
      placeholder="https://logs.example.com/in"
      hint={
        edited
          ? `Leave empty to keep the stored address at ${new URL(edited.url).host}. Its path is not shown, because it may contain a secret.`
          : "It is stored encrypted, because its path may contain a secret."
      }
    />
    <Field
      name="authorization"
      label="Authorization"
      type="password"
      error={errors["authorization"]}
      maxlength={2000}
      hint={edited ? KEPT : "The value of that header, such as Bearer and a token. It may be empty."}
    />
    {edited && (
      <>
        <label class="plain option">
          <input type="checkbox" name="noAuthorization" value="yes" checked={form["noAuthorization"] === "yes"} /> Send no Authorization any
          more
        </label>
        <label class="plain option">
          <input type="checkbox" name="newSecret" value="yes" checked={form["newSecret"] === "yes"} /> Make a new secret for the signatures
        </label>
      </>
    )}
  </>
);

const services = {
  splunk: { place: "https://http-inputs-acme.splunkcloud.com", secret: "token", label: "Token of the HTTP Event Collector" },
  datadog: { place: "https://http-intake.logs.datadoghq.eu", secret: "apiKey", label: "API key" },
  elastic: { place: "https://es.example.com:9243", secret: "apiKey", label: "API key, in its encoded form" },
} as const;

const ServiceFields = (props: FieldsProps & { kind: keyof typeof services }) => {
  const { kind, form, errors } = props;
  const { place, secret, label } = services[kind];
  return (
    <>
      <Field name="url" label="Address" value={form["url"]} error={errors["url"]} required maxlength={1000} placeholder={place} />
      {kind !== "datadog" && (
        <Field
          name="index"
          label="Index"
          value={form["index"]}
          error={errors["index"]}
          required={kind === "elastic"}
          maxlength={255}
          hint={kind === "splunk" ? "Leave empty for the index of the token." : undefined}
        />
      )}
      <Secret {...props} name={secret} label={label} />
      {kind === "datadog" && (
        <p class="hint">
          Datadog drops records that are older than 18 hours. So begin with new records, and add a stream to a bucket as well.
        </p>
      )}
    </>
  );
};
