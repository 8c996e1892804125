import { sockjs } from "sockjs-edge";
import { echo } from "./echo.ts";

export const { SockJs, worker } = sockjs({ "/echo": echo });
export default worker;
