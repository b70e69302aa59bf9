import type { Bindings } from "./env.ts";
import { AppError } from "./errors.ts";
import { readLimits, wholeNumber } from "./limits.ts";
import { logError } from "./log.ts";
import { editions } from "./orgs/table.ts";

const DAY = 86_400;
/** Maximum number of days that a signing key of the deployment is used. */
const MOST_DAYS = 3650;

/** Mail services that `MAIL_PROVIDER` can name. */
export const mailProviders = ["resend", "postmark", "sendgrid"] as const;
export type MailProvider = (typeof mailProviders)[number];

/** A sentence for each invalid variable of the deployment. It does not contain the value, which may be a misplaced secret. */
export function settingFaults(env: Bindings): string[] {
  const { faults } = readLimits(env);
  const { LEASE_SECONDS = "", DEFAULT_EDITION = "", SIGNING_KEY_DAYS = "" } = env as Partial<Bindings>;
  if (LEASE_SECONDS !== "" && wholeNumber(LEASE_SECONDS, DAY) === undefined)
    faults.push(`LEASE_SECONDS must be a whole number of seconds from 1 to ${DAY}.`);
  if (DEFAULT_EDITION !== "" && !editions.some((edition) => edition === DEFAULT_EDITION))
    faults.push(`DEFAULT_EDITION must be one of ${editions.join(", ")}.`);
  if (SIGNING_KEY_DAYS !== "" && wholeNumber(SIGNING_KEY_DAYS, MOST_DAYS) === undefined)
    faults.push(`SIGNING_KEY_DAYS must be a whole number of days from 1 to ${MOST_DAYS}.`);
  if (!isAddress(env.PUBLIC_URL))
    faults.push("PUBLIC_URL must be the https:// address of the deployment, without a path: https://stackpass.example.com.");
  return [...faults, ...mailFaults(env)];
}

/** Whether it is absent or an address without a path. Only this machine needs no TLS. */
function isAddress(text = ""): boolean {
  if (text === "") return true;
  const url = URL.parse(text);
  if (!url) return false;
  const isSafe = url.protocol === "https:" || (url.protocol === "http:" && /^(?:localhost|127(?:\.\d+){3})$/.test(url.hostname));
  return isSafe && (text === url.origin || text === `${url.origin}/`);
}

function mailFaults({ MAIL, MAIL_PROVIDER = "", MAIL_FROM = "", MAIL_TOKEN = "", MAIL_URL = "" }: Bindings): string[] {
  if (MAIL === undefined && MAIL_PROVIDER === "") return [];
  const faults: string[] = [];
  if (!/^[^\s@]+@[^\s@]+$/.test(MAIL_FROM)) faults.push("MAIL_FROM must be the address that mail is sent from.");
  if (MAIL !== undefined) return faults;
  if (!mailProviders.some((provider) => provider === MAIL_PROVIDER))
    faults.push(`MAIL_PROVIDER must be one of ${mailProviders.join(", ")}.`);
  if (MAIL_TOKEN === "") faults.push("MAIL_TOKEN must be the secret of the mail provider.");
  if (MAIL_URL !== "" && !URL.canParse(MAIL_URL)) faults.push("MAIL_URL must be the address of the mail provider's API.");
  return faults;
}

/** Refuses requests while a setting is invalid: a default value would hide the mistake. @throws 503 with the faults */
export function requireSettings(env: Bindings): void {
  const faults = settingFaults(env);
  if (faults.length > 0) throw new AppError(503, `Service Unavailable: a setting of this server is not valid: ${faults.join(" ")}`);
}

const logged = new WeakSet<Bindings>();

/** Logs the faults once for each isolate. */
export function logSettingFaults(env: Bindings): void {
  if (logged.has(env)) return;
  logged.add(env);
  for (const fault of settingFaults(env)) logError("setting not valid", fault);
}
