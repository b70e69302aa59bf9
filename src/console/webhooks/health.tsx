import type { Webhook } from "../../webhooks/openapi.ts";
import { Badge } from "../components.tsx";

type Kind = "good" | "bad" | "warning";

const reasons: Record<NonNullable<Webhook["disabled"]>, string> = {
  failing: "It failed for five days, so it was disabled.",
  gone: "Its destination answered that it does not exist any more (status 410), so it was disabled.",
  revoked: "The credential that set it up was revoked, so it was disabled. Check where it sends before you enable it.",
};

/** The health of a webhook: a word, and a sentence if it needs attention. */
export function healthOf({ active, disabled, failing }: Webhook): { kind: Kind; word: string; sentence?: string } {
  if (disabled) return { kind: "bad", word: "disabled", sentence: reasons[disabled] };
  if (!active) return { kind: "warning", word: "disabled" };
  if (failing) return { kind: "bad", word: "failing", sentence: failing.error };
  return { kind: "good", word: "enabled" };
}

export const HealthBadge = ({ of }: { of: Webhook }) => {
  const { kind, word } = healthOf(of);
  return <Badge kind={kind}>{word}</Badge>;
};
