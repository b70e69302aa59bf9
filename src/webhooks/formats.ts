import type { Message } from "./message.ts";
import type { WebhookFormat } from "./table.ts";

/** The body of a message in the format of a webhook. Pure. */
export const bodyOf: Record<WebhookFormat, (message: Message) => string> = {
  raw: ({ raw }) => raw,
  slack: (message) => JSON.stringify(slack(message)),
  ms_teams: (message) => JSON.stringify(teams(message)),
};

const marks: Record<Message["tone"], string> = { good: "✅ ", bad: "❌ ", plain: "" };

/** Slack reads `&`, `<` and `>` as markup, and other people choose the names (identity-facts W-6). */
const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** An incoming webhook: blocks, and a text for notifications. Facts are plain text, so no mention or link in them works. */
function slack({ title, facts, url, tone }: Message) {
  const line = `${marks[tone]}${title}`;
  const head = url === undefined ? `*${escaped(line)}*` : `*<${url}|${escaped(line)}>*`;
  return {
    text: escaped(line),
    blocks: [
      { type: "section", text: { type: "mrkdwn", text: head } },
      ...(facts.length === 0
        ? []
        : [
            {
              type: "section",
              fields: facts.map(([name, value]) => ({ type: "plain_text", text: `${name}: ${value}`, emoji: false })),
            },
          ]),
    ],
  };
}

const colors: Record<Message["tone"], string> = { good: "Good", bad: "Attention", plain: "Default" };

/** A backslash before what an Adaptive Card reads as Markdown. */
const unmarked = (text: string) => text.replaceAll(/[\\`*_[\]()#+!<>~-]/g, "\\$&");

/** A message for a Workflow of Teams: an Adaptive Card (identity-facts W-7). */
function teams({ title, facts, url, tone }: Message) {
  return {
    type: "message",
    attachments: [
      {
        contentType: "application/vnd.microsoft.card.adaptive",
        content: {
          $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
          type: "AdaptiveCard",
          version: "1.4",
          body: [
            {
              type: "TextBlock",
              size: "Medium",
              weight: "Bolder",
              wrap: true,
              color: colors[tone],
              text: unmarked(`${marks[tone]}${title}`),
            },
            ...(facts.length === 0
              ? []
              : [{ type: "FactSet", facts: facts.map(([name, value]) => ({ title: name, value: unmarked(value) })) }]),
          ],
          ...(url !== undefined && { actions: [{ type: "Action.OpenUrl", title: "Open", url }] }),
        },
      },
    ],
  };
}
