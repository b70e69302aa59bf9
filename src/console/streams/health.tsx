import type { Stream } from "../../streams/openapi.ts";
import { Badge } from "../components.tsx";

interface Health {
  kind: "good" | "bad" | "warning" | "info";
  /** One or two words. */
  word: string;
  /** A sentence for a stream that needs attention. */
  sentence?: string;
}

const pauses = {
  asked: { kind: "warning", word: "paused", sentence: "An administrator paused it. It loses nothing, and continues when it is resumed." },
  failing: {
    kind: "bad",
    word: "paused",
    sentence: "It failed for a day, so it was paused. It loses nothing, and continues when it is resumed.",
  },
  revoked: {
    kind: "bad",
    word: "paused",
    sentence: "The credential that set it up was revoked, so it was paused. Check where it sends before you resume it.",
  },
} as const;

/** The health of a stream in words. */
export function healthOf({ paused, failing, lag }: Stream): Health {
  if (paused) return pauses[paused.reason];
  if (failing) return { kind: "bad", word: "failing", sentence: failing.error };
  return lag.records === 0 ? { kind: "good", word: "up to date" } : { kind: "info", word: "sending" };
}

export const HealthBadge = ({ of }: { of: Stream }) => {
  const { kind, word } = healthOf(of);
  return <Badge kind={kind}>{word}</Badge>;
};

/** The records that the destination does not have yet. */
export function lagOf({ lag: { records, seconds } }: Stream): string {
  if (records === 0) return "none";
  return `${records} ${records === 1 ? "record" : "records"}, the oldest of them ${ageOf(seconds)} old`;
}

/** A length of time in its largest unit. */
export function ageOf(seconds: number): string {
  const units: [string, number][] = [
    ["day", 86_400],
    ["hour", 3600],
    ["minute", 60],
  ];
  const [unit, size] = units.find(([, length]) => seconds >= length) ?? ["second", 1];
  const count = Math.floor(seconds / size);
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}
