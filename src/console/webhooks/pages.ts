import type { PageRoute } from "../page.tsx";
import { hookCreatePages } from "./create.tsx";
import { deliveryPages } from "./delivery.tsx";
import { hookDetailPages } from "./detail.tsx";
import { hookEditPages } from "./edit.tsx";
import { hookListPage } from "./list.tsx";
import type { Owner } from "./place.ts";
import { hookRemovePages } from "./remove.tsx";

/** The pages of webhooks of the organization, or of a stack. */
export const webhookPages = (owner: Owner): PageRoute[] => [
  hookListPage(owner),
  ...hookCreatePages(owner),
  ...hookDetailPages(owner),
  ...hookEditPages(owner),
  ...hookRemovePages(owner),
  ...deliveryPages(owner),
];
