import { pauseStream, restartStream, resumeStream } from "../../streams/control.ts";
import { subjectOf } from "../../identity/sign.ts";
import { type RoleDestination, hasRole } from "../../streams/destination.ts";
import { tokenServiceOf } from "../../streams/role.ts";
import { RestartStreamRequest } from "../../streams/schema.ts";
import { testStream } from "../../streams/sendTest.ts";
import { placeOf } from "../../streams/tell.ts";
import { type Problem, attempt, readForm, statusOf } from "../attempt.ts";
import { Copyable, Field, Notice, Time } from "../components.tsx";
import { takeOnce } from "../once.ts";
import { type View, definePage } from "../page.tsx";
import { placePath } from "../paths.ts";
import { STREAM_PAGE, type StreamContext, idIn, streamFor, streamPath } from "./frame.tsx";
import { HealthBadge, healthOf, lagOf } from "./health.tsx";

const permission = "audit_streams:update";

export const streamDetailPages = [
  definePage("GET", STREAM_PAGE, "audit_streams:read", (ctx) => view(ctx)),
  definePage("POST", `${STREAM_PAGE}/test`, permission, async (ctx) => {
    const tested = await attempt(() => testStream(ctx, idIn(ctx)));
    return "problem" in tested ? view(ctx, tested.problem) : view(ctx, undefined, tested.value);
  }),
  definePage("POST", `${STREAM_PAGE}/pause`, permission, (ctx) => act(ctx, "The stream was paused.", () => pauseStream(ctx, idIn(ctx)))),
  definePage("POST", `${STREAM_PAGE}/resume`, permission, (ctx) => act(ctx, "The stream was resumed.", () => resumeStream(ctx, idIn(ctx)))),
  definePage("POST", `${STREAM_PAGE}/restart`, permission, async (ctx) => {
    const body = readForm(RestartStreamRequest, { from: Number(ctx.page.form["from"] ?? "") });
    return "problem" in body
      ? view(ctx, body.problem)
      : act(ctx, "The stream now continues from this record.", () => restartStream(ctx, idIn(ctx), body.value.from));
  }),
  definePage("GET", `${STREAM_PAGE}/secret`, permission, (ctx) => secretView(ctx)),
];

async function act(ctx: StreamContext, said: string, work: () => Promise<unknown>) {
  const done = await attempt(work);
  return "problem" in done ? view(ctx, done.problem) : { to: streamPath(ctx), said };
}

type Tested = Awaited<ReturnType<typeof testStream>>;

async function view(ctx: StreamContext, problem?: Problem, tested?: Tested): Promise<View> {
  const { org, page } = ctx;
  const stream = await streamFor(ctx);
  const { name, format, destination, deliveredThrough, failing, nextAttempt, paused, lastSuccess } = stream;
  const { sentence } = healthOf(stream);
  return {
    title: name,
    at: "audit",
    status: statusOf(problem),
    body: (
      <section>
        <p>
          <a href={placePath(org.name, "streams")}>Audit streams</a>
        </p>
        <h1>
          {name} <HealthBadge of={stream} />
        </h1>
        {problem && <Notice kind="error">{Object.values(problem.fields)[0] ?? problem.message}</Notice>}
        {tested && (
          <Notice kind={tested.delivered ? "good" : "error"}>
            {tested.delivered ? "The destination accepted the test." : `The destination did not accept the test. ${tested.error ?? ""}`}
          </Notice>
        )}
        {sentence && <Notice kind="warning">{sentence}</Notice>}
        <dl>
          <dt>Destination</dt>
          <dd>{placeOf(destination)}</dd>
          {hasRole(destination) && (
            <TrustRows destination={destination} subject={subjectOf({ org: org.name, kind: "audit-stream", name })} />
          )}
          <dt>Format</dt>
          <dd>{format}</dd>
          <dt>Last success</dt>
          <dd>
            <Time at={lastSuccess ? Date.parse(lastSuccess) : null} />
          </dd>
          <dt>Delivered through record</dt>
          <dd>{deliveredThrough}</dd>
          <dt>Missing there</dt>
          <dd>{lagOf(stream)}</dd>
          {failing && (
            <>
              <dt>Failing since</dt>
              <dd>
                <Time at={Date.parse(failing.since)} />, {failing.failures} {failing.failures === 1 ? "attempt" : "attempts"}
              </dd>
              <dt>Last error</dt>
              <dd>{failing.error}</dd>
            </>
          )}
          {nextAttempt && !paused && (
            <>
              <dt>Next attempt</dt>
              <dd>
                <Time at={Date.parse(nextAttempt)} exact />
              </dd>
            </>
          )}
        </dl>
        {page.may(permission) && (
          <Actions ctx={ctx} isPaused={paused !== undefined} isWaiting={nextAttempt !== undefined} next={deliveredThrough + 1} />
        )}
      </section>
    ),
  };
}

/** The issuer, audience and subject that the trust policy of the role must accept. */
const TrustRows = ({ destination, subject }: { destination: RoleDestination; subject: string }) => (
  <>
    <dt>Issuer for the role</dt>
    <dd class="anywhere">{destination.issuer}</dd>
    <dt>Subject</dt>
    <dd class="anywhere">{subject}</dd>
    <dt>Audience</dt>
    <dd class="anywhere">{tokenServiceOf(destination).audience}</dd>
  </>
);

interface ActionsProps {
  ctx: StreamContext;
  isPaused: boolean;
  /** Whether the stream waits after a failure. */
  isWaiting: boolean;
  /** The number of the next record. */
  next: number;
}

/** The buttons for an administrator. Some editions only allow an administrator to pause and to delete a stream. */
const Actions = ({ ctx, isPaused, isWaiting, next }: ActionsProps) => {
  const mayMore = ctx.page.may("audit_logs:export");
  return (
    <>
      <div class="actions">
        {mayMore && <Press ctx={ctx} action="test" label="Send a test" />}
        {mayMore && isPaused && <Press ctx={ctx} action="resume" label="Resume" />}
        {mayMore && !isPaused && isWaiting && <Press ctx={ctx} action="resume" label="Try again now" />}
        {!isPaused && <Press ctx={ctx} action="pause" label="Pause" />}
        {mayMore && (
          <a class="button quiet" href={streamPath(ctx, "edit")}>
            Edit…
          </a>
        )}
        <a class="button danger" href={streamPath(ctx, "delete")}>
          Delete…
        </a>
      </div>
      {mayMore && (
        <>
          <h2>Start again from here</h2>
          <p class="faint">
            The stream sends the log again from this record on. To leave out a record that the destination never accepts, enter the number
            after it.
          </p>
          <form method="post" action={streamPath(ctx, "restart")} class="narrow">
            <Field name="from" label="Number of the record" type="number" value={String(next)} required />
            <button class="quiet">Start again</button>
          </form>
        </>
      )}
    </>
  );
};

const Press = ({ ctx, action, label }: { ctx: StreamContext; action: string; label: string }) => (
  <form method="post" action={streamPath(ctx, action)}>
    <button class="quiet">{label}</button>
  </form>
);

/** The only page that shows the secret of the signatures, and only at the first view. */
async function secretView(ctx: StreamContext): Promise<View> {
  const shown = await takeOnce(ctx, ctx.page.hono, ctx.actor.token.id);
  const isShown = shown?.id === idIn(ctx);
  return {
    title: "Secret of the signatures",
    at: "audit",
    body: (
      <section class="narrow">
        <h1>Secret of the signatures</h1>
        {isShown ? (
          <>
            <Notice kind="warning">Copy the secret now. It is shown only once and cannot be retrieved later.</Notice>
            <p>The receiver verifies with it that a message of {shown.name} comes from here.</p>
            <Copyable label="Secret" text={shown.value} />
          </>
        ) : (
          <p>The secret is shown once, right after it was made. If you have lost it, edit the stream and make a new one.</p>
        )}
        <p>
          <a class="button" href={streamPath(ctx)}>
            {isShown ? "I have copied it" : "Back to the stream"}
          </a>
        </p>
      </section>
    ),
  };
}
