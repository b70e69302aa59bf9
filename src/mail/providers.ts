import type { MailProvider } from "../settings.ts";

/** A mail, as plain text. */
export interface Mail {
  to: string;
  subject: string;
  text: string;
}

interface Provider {
  url: string;
  /** The header that authorizes the call. */
  authorize: (secret: string) => Record<string, string>;
  body: (from: string, mail: Mail) => object;
}

const bearer = (secret: string) => ({ Authorization: `Bearer ${secret}` });

/** Services that take a mail by one HTTP call, by the value of `MAIL_PROVIDER`. Each answers with 2xx once it has accepted the mail. */
export const providers: Record<MailProvider, Provider> = {
  resend: {
    url: "https://api.resend.com/emails",
    authorize: bearer,
    body: (from, { to, subject, text }) => ({ from, to: [to], subject, text }),
  },
  postmark: {
    url: "https://api.postmarkapp.com/email",
    authorize: (secret) => ({ "X-Postmark-Server-Token": secret }),
    body: (from, { to, subject, text }) => ({ From: from, To: to, Subject: subject, TextBody: text }),
  },
  sendgrid: {
    url: "https://api.sendgrid.com/v3/mail/send",
    authorize: bearer,
    body: (from, { to, subject, text }) => ({
      from: { email: from },
      personalizations: [{ to: [{ email: to }] }],
      subject,
      content: [{ type: "text/plain", value: text }],
    }),
  },
};
