import { resourcePath, segment } from "../paths.ts";

/**
 * Maximum number of characters of a URN in a link; a longer one cannot be asked for. Its member in the state is not longer either, see
 * `Leaf`.
 */
export const LONGEST_URN = 4096;

/** The name and the type in a URN. A text that is no URN is shown as it is. */
export const nameIn = (urn: string): string => urn.split("::").slice(3).join("::") || urn;
export const typeIn = (urn: string): string => urn.split("::")[2]?.split("$").at(-1) ?? "";

export const resourceHistoryPath = (stack: string, urn: string) => `${stack}/resource/history?urn=${segment(urn)}`;

export const ResourceTabs = ({ stack, urn, at }: { stack: string; urn: string; at: "properties" | "history" }) => (
  <nav class="tabs" aria-label="Resource">
    <ul>
      <li>
        <a href={resourcePath(stack, urn)} aria-current={at === "properties" ? "page" : undefined}>
          Properties
        </a>
      </li>
      <li>
        <a href={resourceHistoryPath(stack, urn)} aria-current={at === "history" ? "page" : undefined}>
          History
        </a>
      </li>
    </ul>
  </nav>
);
