import { notFound } from "../../errors.ts";
import { createStream } from "../../streams/create.ts";
import { CreateStreamRequest, SentDestination } from "../../streams/schema.ts";
import { type Problem, attempt, readForm, statusOf } from "../attempt.ts";
import { Choice, Field, Notice } from "../components.tsx";
import { keepOnce } from "../once.ts";
import { type View, definePage } from "../page.tsx";
import { placePath } from "../paths.ts";
import { type Form, type Kind, StreamFields, destinationOf, kindOf, kinds } from "./fields.tsx";
import type { StreamContext } from "./frame.tsx";

const NEW = "/:orgName/~/new-stream" as const;
const permission = "audit_streams:update";

export const streamCreatePages = [
  definePage("GET", NEW, permission, async (ctx) => choiceView(ctx)),
  definePage("GET", `${NEW}/:kind`, permission, async (ctx) => formView(ctx, kindIn(ctx), {})),
  definePage("POST", `${NEW}/:kind`, permission, async (ctx) => {
    const { form, hono, url } = ctx.page;
    const kind = kindIn(ctx);
    const body = readStream(kind, form);
    const made = "problem" in body ? body : await attempt(() => createStream(ctx, body.value, url.origin));
    if ("problem" in made) return formView(ctx, kind, form, made.problem);
    const { id, name, secret } = made.value;
    if (secret === undefined) return { to: placePath(ctx.org.name, "streams", id), said: "The stream was added." };
    await keepOnce(ctx, hono, ctx.actor.token.id, { id, name, value: secret });
    return { to: placePath(ctx.org.name, "streams", id, "secret"), said: null };
  }),
];

/** @throws 404 */
function kindIn({ page }: StreamContext): Kind {
  const kind = kindOf(page.params["kind"]);
  if (!kind) throw notFound("Kind of destination");
  return kind;
}

function readStream(kind: Kind, form: Form) {
  const destination = readForm(SentDestination, destinationOf(kind, form));
  const sent = {
    name: form["name"],
    format: form["format"] ?? "jsonl",
    from: form["begin"] === "now" ? "now" : form["begin"] === "record" ? Number(form["from"]) : 1,
    // A faulty destination is reported with its own fields.
    destination: "value" in destination ? destination.value : { kind: "datadog", url: "" },
  };
  const body = readForm(CreateStreamRequest, sent);
  if ("value" in destination) return body;
  return { problem: { ...destination.problem, fields: { ...destination.problem.fields, ...("problem" in body && body.problem.fields) } } };
}

function choiceView({ org }: StreamContext): View {
  return {
    title: "Add an audit stream",
    at: "audit",
    body: (
      <section class="narrow">
        <p>
          <a href={placePath(org.name, "streams")}>Audit streams</a>
        </p>
        <h1>Add an audit stream</h1>
        <p>Where does it send the records?</p>
        <ul class="cards">
          {kinds.map(([kind, title]) => (
            <li>
              <a href={placePath(org.name, "new-stream", kind)}>{title}</a>
            </li>
          ))}
        </ul>
      </section>
    ),
  };
}

function formView({ org }: StreamContext, kind: Kind, form: Form, problem?: Problem): View {
  const title = `Add a stream to ${titles[kind]}`;
  const errors = problem?.fields ?? {};
  return {
    title,
    at: "audit",
    status: statusOf(problem),
    body: (
      <section class="narrow">
        <p>
          <a href={placePath(org.name, "new-stream")}>All destinations</a>
        </p>
        <h1>{title}</h1>
        {problem && <Notice kind="error">{problem.message}</Notice>}
        <form method="post" action={placePath(org.name, "new-stream", kind)}>
          <StreamFields kind={kind} form={form} errors={errors} />
          <Choice
            name="begin"
            label="Begin with"
            value={form["begin"] ?? (kind === "datadog" ? "now" : "first")}
            options={[
              ["first", "the first record of the log"],
              ["now", "the next new record"],
              ["record", "the record with this number"],
            ]}
          />
          <Field
            name="from"
            label="Number"
            type="number"
            value={form["from"]}
            error={errors["from"]}
            hint="Only for a record with a number."
          />
          <p class="actions">
            <button>Add stream</button> <a href={placePath(org.name, "streams")}>Cancel</a>
          </p>
        </form>
      </section>
    ),
  };
}

const titles: Record<Kind, string> = {
  s3: "a bucket",
  https: "an HTTPS address",
  splunk: "Splunk",
  datadog: "Datadog",
  elastic: "Elasticsearch",
};
