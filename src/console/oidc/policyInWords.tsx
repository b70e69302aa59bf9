import { cut, fill, pageBytes } from "../../http/pageText.ts";
import type { AuthPolicy } from "../../oidc/openapi.ts";
import { Notice } from "../components.tsx";
import { type Definition, stackText, tokenOf } from "./policyFields.tsx";

/** Maximum number of bytes for the rules, the stacks and the warnings of a policy. */
const ROOM = { rules: 1800, stacks: 500, warnings: 1500 };

/** A policy in words: the token, its limits, and the rules. */
export const InWords = ({ one, nameOf }: { one: Definition; nameOf: (roleId: string) => string }) => {
  const rules = fill(Object.entries(one.rules), ROOM.rules, ([claim, wanted]) => pageBytes(claim + wanted) + 60);
  const stacks = fill(one.stacks ?? [], ROOM.stacks, (rule) => pageBytes(stackText(rule)) + 20);
  return (
    <>
      <p>
        {tokenOf(one)}
        {one.roleID !== undefined && ` with the role ${cut(nameOf(one.roleID), 300)}`}
        {one.authorizedPermissions.includes("admin") && ", or with the role Admin if it asks for the scope admin"}
        {one.stacks && (
          <>
            , on these stacks only:{" "}
            {stacks.shown.length === 0
              ? "none"
              : stacks.shown.map((rule, i) => (
                  <>
                    {i > 0 && ", "}
                    <code>{stackText(rule)}</code>
                  </>
                ))}
            {stacks.more > 0 && ` and ${stacks.more} more`}
          </>
        )}
      </p>
      {rules.shown.length + rules.more === 0 ? (
        <p class="faint">It has no rules, so it matches every token of this issuer.</p>
      ) : (
        <ul class="plain">
          {rules.shown.map(([claim, wanted]) => (
            <li>
              <code>{claim}</code> is <code>{wanted}</code>
            </li>
          ))}
          {rules.more > 0 && <li>and {rules.more} more rules, which do not fit on this page</li>}
        </ul>
      )}
    </>
  );
};

/** The warnings about a policy: whom it admits besides those that it is meant for. */
export const Warnings = ({ policy: { warnings = [] }, at }: { policy: AuthPolicy; at: number }) => {
  const messages = warnings.filter(({ policy }) => policy === at).map(({ message }) => cut(message, 700));
  const { shown, more } = fill(messages, ROOM.warnings, (message) => pageBytes(message) + 50);
  return (
    <>
      {shown.map((message) => (
        <Notice kind="warning">{message}</Notice>
      ))}
      {more > 0 && <p class="hint warn">and {more} more warnings</p>}
    </>
  );
};
