export { natural } from "../http/natural.ts";
