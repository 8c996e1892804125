// The rooms, and POST /push beside them, by which other programs send to a room.

import { push, sockjs } from "sockjs-edge";
import { members } from "./tickets.ts";

export const { SockJs, worker } = sockjs(
  { "/members/{room}": members },
  {
    async fetch(request, env) {
      if (new URL(request.url).pathname !== "/push") return new Response("not found", { status: 404 });
      // Without the secret, every request gets 401.
      return await push(env).serve(request, [env.PUSH_TOKEN ?? ""]);
    },
  },
);
export default worker;
