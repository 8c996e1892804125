// Workers are ES modules, and so is this package.
throw new Error('sockjs-edge is an ES module: write import { sockjs } from "sockjs-edge" in a Worker, and not require("sockjs-edge")');
