import type { Child } from "hono/jsx";

/** The latest time that a date can represent, milliseconds since 1970. */
const LAST = 8.64e15;

/** A time to the minute, in UTC. @param at milliseconds since 1970 */
export const utc = (at: number): string =>
  at > LAST
    ? "after all dates"
    : new Date(at)
        .toISOString()
        .replace("T", " ")
        .replace(/:\d\d\.\d+Z$/, " UTC");

/**
 * Shows a time. The script adds how long ago it was, or, with `exact`, the time in the reader's zone; without the script, and on hover, it
 * is UTC.
 */
export const Time = ({ at, exact = false }: { at: number | null | undefined; exact?: boolean }) => {
  if (at === null || at === undefined) return <span class="faint">never</span>;
  if (at > LAST) return <span>{utc(at)}</span>;
  return (
    <time datetime={new Date(at).toISOString()} title={utc(at)} data-relative={exact ? undefined : ""}>
      {utc(at)}
    </time>
  );
};

/** A notice above the content it is about. With `role` a screen reader announces it. */
export const Notice = ({ kind, children }: { kind: "error" | "good" | "warning" | "info"; children: Child }) => (
  <p class={`notice ${kind}`} role={kind === "error" ? "alert" : "status"}>
    {children}
  </p>
);

interface FieldProps {
  name: string;
  label: string;
  value?: string | undefined;
  hint?: Child;
  error?: string | undefined;
  type?: string;
  required?: boolean;
  maxlength?: number;
  pattern?: string;
  /** The message when the pattern does not match: with the script, the browser shows it while typing. */
  complaint?: string;
  autocomplete?: string;
  autofocus?: boolean;
  placeholder?: string;
}

/** A labelled input that keeps the typed value and shows its error. */
export const Field = ({ name, label, hint, error, complaint, ...input }: FieldProps) => (
  <div class="field">
    <label for={name}>{label}</label>
    <input
      id={name}
      name={name}
      aria-invalid={error ? "true" : undefined}
      aria-describedby={describedBy(name, hint, error)}
      data-complaint={complaint}
      autocomplete="off"
      spellcheck={false}
      {...input}
    />
    {hint && (
      <p class="hint" id={`${name}-hint`}>
        {hint}
      </p>
    )}
    {error && (
      <p class="wrong" id={`${name}-error`}>
        {error}
      </p>
    )}
  </div>
);

const describedBy = (name: string, hint: unknown, error: unknown) =>
  [hint ? `${name}-hint` : "", error ? `${name}-error` : ""].filter(Boolean).join(" ") || undefined;

interface ChoiceProps {
  name: string;
  label: string;
  value: string;
  options: readonly (readonly [value: string, label: string])[];
  hint?: Child;
}

export const Choice = ({ name, label, value, options, hint }: ChoiceProps) => (
  <div class="field">
    <label for={name}>{label}</label>
    <select id={name} name={name} aria-describedby={hint ? `${name}-hint` : undefined}>
      {options.map(([key, text]) => (
        <option value={key} selected={key === value}>
          {text}
        </option>
      ))}
    </select>
    {hint && (
      <p class="hint" id={`${name}-hint`}>
        {hint}
      </p>
    )}
  </div>
);

/** A table that scrolls by itself on a narrow screen, and by keyboard. */
export const Table = ({ caption, head, children }: { caption: string; head: Child[]; children: Child }) => (
  <div class="scroll" tabindex={0} role="region" aria-label={caption}>
    <table>
      <caption>{caption}</caption>
      <thead>
        <tr>
          {head.map((cell) => (
            <th scope="col">{cell}</th>
          ))}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  </div>
);

/** An empty list, with a hint what to do. */
export const Empty = ({ children }: { children: Child }) => <div class="empty">{children}</div>;

/** Links to the next page of a list and to its first page. */
export const More = ({ url, continuationToken }: { url: URL; continuationToken: string | undefined }) => {
  const first = new URL(url);
  first.searchParams.delete("continuationToken");
  const next = new URL(url);
  if (continuationToken) next.searchParams.set("continuationToken", continuationToken);
  return (
    <nav class="pages" aria-label="Pages">
      {url.searchParams.has("continuationToken") && <a href={first.pathname + first.search}>First page</a>}
      {continuationToken && <a href={next.pathname + next.search}>Next page</a>}
    </nav>
  );
};

export const Badge = ({ kind, children }: { kind?: "good" | "bad" | "warning" | "info"; children: Child }) => (
  <span class={kind ? `badge ${kind}` : "badge"}>{children}</span>
);

/** Text to be copied. The script adds a button; without it the text can be selected as a whole. */
export const Copyable = ({ label, text }: { label: string; text: string }) => (
  <figure class="copyable">
    <figcaption>{label}</figcaption>
    <pre data-copy="" tabindex={0}>
      {text}
    </pre>
  </figure>
);
