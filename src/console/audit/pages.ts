import { detailPage } from "./detail.tsx";
import { exportPage } from "./export.tsx";
import { auditListPage } from "./list.tsx";
import { verifyPage } from "./verify.tsx";

export const auditPages = [auditListPage, exportPage, verifyPage, detailPage];
