/** Whether a path belongs to SCIM: its errors are SCIM's own. */
export const isScimPath = (path: string): boolean => path === "/scim" || path.startsWith("/scim/");
