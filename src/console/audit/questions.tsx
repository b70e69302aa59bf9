import { type Filters, auditPath } from "./query.ts";
import { instantOf, wallAt } from "../zone.ts";

const DAY = 86_400_000;

/** Filters for common questions. Each is a link, so a reader can also keep the address of any other filter. */
function questionsAt(now: number, zone: string): [label: string, Filters][] {
  const { day } = wallAt(now, zone);
  const yesterday = wallAt(now - DAY, zone).day;
  const at = (wall: string) => String(Math.floor((instantOf(wall, zone) ?? 0) / 1000));
  return [
    ["Refusals", { refusalsOnly: "true" }],
    ["Refusals today", { refusalsOnly: "true", startTime: at(day) }],
    ["Production", { textFilter: "prod*" }],
    ["Production last night", { textFilter: "prod*", startTime: at(`${yesterday}T18:00`), endTime: at(`${day}T08:00`) }],
    ["New tokens", { eventFilter: "organization-token-created" }],
    ["Deleted stacks", { eventFilter: "stack-deleted" }],
    ["Decrypted secrets", { textFilter: "decrypted" }],
    ["Changes of roles", { eventFilter: "member-role-changed" }],
    ["Sign-ins", { eventFilter: "user-login" }],
  ];
}

interface Props {
  orgName: string;
  set: Filters;
  now: number;
  zone: string;
}

export const Questions = ({ orgName, set, now, zone }: Props) => {
  const here = auditPath(orgName, set);
  return (
    <nav aria-label="Common questions" class="questions">
      <ul>
        {questionsAt(now, zone).map(([label, filters]) => {
          const to = auditPath(orgName, filters);
          return (
            <li>
              <a href={to} aria-current={to === here ? "true" : undefined}>
                {label}
              </a>
            </li>
          );
        })}
      </ul>
    </nav>
  );
};
