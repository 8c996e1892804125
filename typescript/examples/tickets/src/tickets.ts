// Rooms for known users: /members/lobby?token=TOKEN. A client shows its token once, to /info. From then on a ticket identifies it.

import type { Handler } from "sockjs-edge";

const digest = async (text: string) => new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).join();

/** Returns the user with this token. `users` is the secret USERS: `ada:TOKEN,bob:TOKEN`. */
async function userOf(token: string, users: string): Promise<string | undefined> {
  // A comparison of digests takes a time that tells nothing about the token.
  const given = await digest(token);
  for (const pair of users.split(",")) {
    const [user, known] = pair.split(":");
    if (user && known && (await digest(known)) === given) return user;
  }
  return undefined;
}

export const members: Handler = {
  options: { placement: "room", tickets: true },
  // With tickets, only /info asks this. The claims are in the ticket, which the client shows with every further request.
  async onRequest(request, env) {
    const token = new URLSearchParams(request.query).get("token") ?? "";
    const user = await userOf(token, env.USERS ?? "");
    return user === undefined ? new Response("a token is needed", { status: 401 }) : { claims: { user } };
  },
  onMessage(conn, message) {
    conn.room.broadcast(`${conn.claims.user}: ${message}`);
  },
};
