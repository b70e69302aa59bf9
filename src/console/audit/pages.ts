import { detailPage } from "./detail.tsx";
import { exportPage } from "./export.tsx";
import { listPage } from "./list.tsx";
import { verifyPage } from "./verify.tsx";

export const auditPages = [listPage, exportPage, verifyPage, detailPage];
