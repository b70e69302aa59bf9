/**
 * `npm run edition -- --org NAME [--edition EDITION] [--trial-days N] [--local [--persist-to DIR]]`: sets the edition and trial of an
 * organization.
 * The trial ends N days from now; 0 ends it. The change applies at the organization's next write, and to cached reads within 60 seconds.
 */
import { auditEvent } from "../src/audit/record.ts";
import { editions } from "../src/orgs/table.ts";
import { fail } from "./fail.ts";
import { owner } from "../src/orgs/newName.ts";
import { readOptions } from "./options.ts";
import { databaseOf } from "./organizationNames.ts";
import { mustWrangle, whichDeployment } from "./wrangler.ts";

const values = readOptions({
  org: { type: "string" },
  edition: { type: "string" },
  "trial-days": { type: "string" },
  local: { type: "boolean", default: false },
  "persist-to": { type: "string" },
});
const { org = "", edition, "trial-days": days } = values;
// These values are put into SQL, so only names are allowed.
if (!owner.test(org)) fail("--org is needed");
if (edition === undefined && days === undefined) fail("--edition or --trial-days is needed");
if (edition !== undefined && !editions.some((one) => one === edition)) fail(`--edition is one of ${editions.join(", ")}`);
if (days !== undefined && !/^\d{1,4}$/.test(days)) fail("--trial-days is a number of days");

const changes = ["settings_version = settings_version + 1"];
if (edition !== undefined) changes.push(`edition = '${edition}'`);
if (days !== undefined) changes.push(`trial_ends_at = ${Date.now() + Number(days) * 86_400_000}`);
const now = Date.now();
const said = [edition && `edition ${edition}`, days && `a trial of ${days} days`].filter(Boolean).join(" and ");
const operator = { userLogin: org, userName: "the operator of this deployment", tokenId: "", tokenName: "" };
const event = auditEvent({ now, address: "" }, "", operator, {
  event: "organization-settings-changed",
  description: `The operator of this deployment gave the organization ${said}.`,
});
// The cron sends the event to the queue.
const sql = `UPDATE organizations SET ${changes.join(", ")} WHERE name = '${org}' RETURNING name AS changed_organization;
  INSERT INTO audit_outbox (id, body, created_at)
    SELECT '${event.id}', json_set('${JSON.stringify(event)}', '$.orgId', id), ${now} FROM organizations WHERE name = '${org}'`;
const output = mustWrangle(["d1", "execute", databaseOf(org, values), ...whichDeployment(values), "--yes", "--json", "--command", sql]);
if (!output.includes(`"changed_organization": "${org}"`)) fail(`there is no organization ${org}`);
console.log(`${org}: ${[edition, days && `trial of ${days} days from now`].filter(Boolean).join(", ")}`);
