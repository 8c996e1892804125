# start.sh gives the address of the service "node" on the command line.

using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "control", worker = .control),
    (name = "node", external = (address = "127.0.0.1:8787", http = ())),
  ],
);

const control :Workerd.Worker = (
  modules = [(name = "control.js", esModule = embed "control.js")],
  compatibilityDate = "2026-11-01",
  bindings = [
    (name = "NODE", service = "node"),
    (name = "SOCKJS_DRAIN_TOKEN", fromEnvironment = "SOCKJS_DRAIN_TOKEN"),
  ],
);
