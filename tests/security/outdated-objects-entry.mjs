// Runs around the Worker, with objects of another version: they understand nothing, and say so.

export { default } from "./index.js";

export class SockJs {
  fetch() {
    return new Response("another version", { status: 426 });
  }
}
