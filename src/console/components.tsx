import type { Child } from "hono/jsx";
import { useContext } from "hono/jsx";
import type { JSX } from "hono/jsx/jsx-runtime";
import { Zone } from "./display.ts";
import { LAST, timeText } from "./zone.ts";

/**
 * Shows a time in the reader's zone. The script replaces it by how long ago it was, unless it is `exact`; the exact time is then shown on
 * hover.
 */
export const Time = ({ at, exact = false, seconds = false }: { at: number | null | undefined; exact?: boolean; seconds?: boolean }) => {
  const zone = useContext(Zone);
  if (at === null || at === undefined) return <span class="faint">never</span>;
  const text = timeText(at, zone, seconds);
  if (at > LAST) return <span>{text}</span>;
  return (
    <time
      datetime={new Date(at).toISOString()}
      title={exact && seconds ? undefined : timeText(at, zone, true)}
      data-relative={exact ? undefined : ""}
    >
      {text}
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
  step?: string;
  /** The id of a list of suggestions. */
  list?: string;
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

interface AreaProps {
  name: string;
  label: string;
  value: string | undefined;
  rows: number;
  hint?: Child;
  error?: string | undefined;
}

/** A labelled text of several lines. */
export const Area = ({ name, label, value = "", rows, hint, error }: AreaProps) => (
  <div class="field">
    <label for={name}>{label}</label>
    <textarea
      id={name}
      name={name}
      rows={rows}
      spellcheck={false}
      autocomplete="off"
      aria-invalid={error ? "true" : undefined}
      aria-describedby={describedBy(name, hint, error)}
    >
      {`\n${value}`}
    </textarea>
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

/** The page of a list that an address names, in decimal digits; 1 for anything else. @param name the query parameter */
export function pageIn(query: URLSearchParams, name = "page"): number {
  const written = query.get(name) ?? "";
  return /^[1-9]\d{0,5}$/.test(written) ? Number(written) : 1;
}

/** Maximum number of rows of a part of a list, so that no page is over 100 KB. */
const MOST_ROWS = 50;

/** Links to the pages beside this one of a list. @param name the query parameter with the number of the page */
export const Pages = ({ url, at, count, name }: { url: URL; at: number; count: number; name: string }) => {
  if (count <= 1 && at === 1) return <></>;
  const to = (page: number) => {
    const there = new URL(url);
    there.searchParams.set(name, String(page));
    return there.pathname + there.search;
  };
  return (
    <nav class="pages" aria-label="Pages">
      {at > 1 && <a href={to(Math.max(1, Math.min(at - 1, count)))}>Previous page</a>}
      <span class="faint">
        Page {at} of {count}
      </span>
      {at < count && <a href={to(at + 1)}>Next page</a>}
    </nav>
  );
};

/**
 * The part of a list that the page's address names, and links to the others. It is for lists that are read as a whole.
 * @param name the query parameter
 */
export function partOf<T>(items: readonly T[], url: URL, name = "part", rows = MOST_ROWS): { shown: T[]; Parts: () => JSX.Element } {
  const count = Math.max(1, Math.ceil(items.length / rows));
  const at = Math.min(pageIn(url.searchParams, name), count);
  return { shown: items.slice((at - 1) * rows, at * rows), Parts: () => <Pages url={url} at={at} count={count} name={name} /> };
}

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
