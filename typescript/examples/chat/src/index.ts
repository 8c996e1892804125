// The chat, and a route beside it: GET /present/lobby says who is there.

import { push, sockjs } from "sockjs-edge";
import { chat } from "./chat.ts";

export const { SockJs, worker } = sockjs(
  { "/chat/{room}": chat },
  {
    async fetch(request, env) {
      const [, path, room] = new URL(request.url).pathname.split("/");
      if (path !== "present" || !room) return new Response("not found", { status: 404 });
      return Response.json(await push(env).room(`/chat/${room}`).call("present"));
    },
  },
);
export default worker;
