# All that the check needs is in the environment.

using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "check", worker = .check),
    # The bucket's service may have a private address.
    (name = "internet", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true))),
  ],
);

const check :Workerd.Worker = (
  modules = [(name = "check.js", esModule = embed "check.js")],
  compatibilityDate = "2026-11-01",
  bindings = [
    (name = "CLUSTER_BUCKET", fromEnvironment = "CLUSTER_BUCKET"),
    (name = "AWS_ENDPOINT_URL", fromEnvironment = "AWS_ENDPOINT_URL"),
    (name = "AWS_REGION", fromEnvironment = "AWS_REGION"),
    (name = "AWS_ACCESS_KEY_ID", fromEnvironment = "AWS_ACCESS_KEY_ID"),
    (name = "AWS_SECRET_ACCESS_KEY", fromEnvironment = "AWS_SECRET_ACCESS_KEY"),
    (name = "AWS_SESSION_TOKEN", fromEnvironment = "AWS_SESSION_TOKEN"),
    (name = "STORAGE_EMULATOR_HOST", fromEnvironment = "STORAGE_EMULATOR_HOST"),
  ],
);
