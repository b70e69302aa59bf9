import type { AppError } from "../errors.ts";
import { sentenceOf } from "./attempt.ts";
import type { View } from "./view.ts";

/** The page that tells a reader why a request was refused, and what the reader can do. */
export function refusalView({ status, message }: AppError): View {
  const { title, advice } = explain(status);
  const body = (
    <section class="narrow">
      <h1>{title}</h1>
      <p class="notice error">{sentenceOf(message)}</p>
      {advice && <p>{advice}</p>}
      <p>
        <a href="/">Go to the start page</a>
      </p>
    </section>
  );
  return { title, body, status: status as 403 };
}

/** The message of a 403 says who can grant the right, so it needs no advice. */
function explain(status: number): { title: string; advice?: string } {
  switch (status) {
    case 404:
      return {
        title: "Not found",
        advice: "It doesn't exist, or you don't have access. Check that you are signed in with the right account.",
      };
    case 403:
      return { title: "Not allowed" };
    case 429:
      return { title: "Too many requests", advice: "Wait a moment, and try again." };
    case 503:
      return { title: "Not available", advice: "A part of the service does not respond. Nothing was changed; try again in a moment." };
    default:
      return { title: "That did not work", advice: "Go back, correct it, and try again." };
  }
}
