import type { Bindings } from "../env.ts";
import { callOut } from "../http/outgoing.ts";
import type { MailProvider } from "../settings.ts";
import { type Mail, providers } from "./providers.ts";

type MailBindings = Pick<Bindings, "LOCAL_DEVELOPMENT" | "MAIL" | "MAIL_FROM" | "MAIL_PROVIDER" | "MAIL_TOKEN" | "MAIL_URL">;

/** Limits of the answer of a provider, in bytes and milliseconds. */
const limits = { most: 64 * 1024, within: 10_000 };

/** Whether the deployment sends mail: by the binding `MAIL`, or by the provider of `MAIL_PROVIDER`. */
export const sendsMail = ({ MAIL, MAIL_PROVIDER = "" }: MailBindings): boolean => MAIL !== undefined || MAIL_PROVIDER !== "";

/** Hands a mail over to the binding or to the provider. @throws an error that says why the mail was not accepted, for the operator's log */
export async function sendMail(env: MailBindings, mail: Mail): Promise<void> {
  const from = env.MAIL_FROM ?? "";
  if (env.MAIL) {
    const late = scheduler.wait(limits.within).then(() => {
      throw new Error(`the mail binding did not answer within ${limits.within} ms`);
    });
    await Promise.race([env.MAIL.send({ from, to: mail.to, subject: mail.subject, text: mail.text }), late]);
    return;
  }
  // `requireSettings` refuses any other value before a request is served.
  const provider = providers[env.MAIL_PROVIDER as MailProvider];
  const answer = await callOut(env, env.MAIL_URL || provider.url, limits, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    credentials: provider.authorize(env.MAIL_TOKEN ?? ""),
    body: JSON.stringify(provider.body(from, mail)),
  });
  if (answer.status < 200 || answer.status > 299) throw new Error(`the mail provider answered ${answer.status}`);
}
