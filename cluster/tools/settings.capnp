# start.sh writes node.capnp, and gives the directory of "objects" on the command line.

using Workerd = import "/workerd/workerd.capnp";
using Node = import "/node.capnp";

const config :Workerd.Config = (
  services = [
    (name = "settings", worker = .settings),
    (name = "worker", worker = Node.worker),
    (name = "objects", disk = (path = "objects", writable = true)),
    # Nothing asks it here.
    (name = "cluster-port", external = (address = "127.0.0.1:1", http = ())),
  ],
);

const settings :Workerd.Worker = (
  modules = [(name = "settings.js", esModule = embed "settings.js")],
  compatibilityDate = "2026-11-01",
  bindings = [(name = "WORKER", service = "worker")],
);
