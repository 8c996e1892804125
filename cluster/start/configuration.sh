# The configuration of workerd, in a directory that only this user can read: it has the cluster's key.

write_configuration() {
  mkdir -p "$DATA_DIR/objects" "$DATA_DIR/run" 2>/dev/null || refuse "DATA_DIR is \"$DATA_DIR\", which cannot be written"
  DATA_DIR=$(cd "$DATA_DIR" && pwd)
  run=$DATA_DIR/run
  node_capnp >"$run/node.capnp" || refuse "DATA_DIR is \"$DATA_DIR\", which cannot be written"
}

node_capnp() {
  cat <<END
# Written by start.sh at each start.

using Workerd = import "/workerd/workerd.capnp";
using Built = import "/worker/worker.capnp";

const config :Workerd.Config = (
  services = [
    (name = "worker", worker = .worker),
    (name = "objects", disk = (path = $(text "$DATA_DIR/objects"), writable = true)),
END
  # The Worker sends requests to its upstream alone, which may be in a private network.
  if has_upstream; then
    cat <<END
    (name = "internet", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true))),
END
  fi
  if is_cluster; then
    cat <<END
    (name = "cluster-port", external = (address = $(text "$(local_address "$CLUSTER_ADDRESS")"), http = ())),
END
  fi
  cat <<END
  ],
  sockets = [(name = "http", address = $(text "$LISTEN"), http = (), service = "worker")],
END
  if is_cluster; then cluster_capnp; fi
  cat <<END
);

const worker :Workerd.Worker = (
  modules = Built.modules,
  compatibilityDate = Built.compatibilityDate,
  compatibilityFlags = Built.compatibilityFlags,
  durableObjectNamespaces = Built.durableObjectNamespaces,
  durableObjectStorage = (localDisk = "objects"),
  bindings = [
END
  bindings
  cat <<END
  ],
);
END
}

cluster_capnp() {
  cat <<END
  cluster = (
    bucket = $(text "$CLUSTER_BUCKET"),
    address = $(text "$CLUSTER_ADDRESS"),
END
  if [ -n "$CLUSTER_ADVERTISE" ]; then
    cat <<END
    advertise = $(text "$CLUSTER_ADVERTISE"),
END
  fi
  cat <<END
    key = $(text "$CLUSTER_KEY"),
    stopTimeoutMs = $STOP_TIMEOUT_MS,
  ),
END
}

# Every variable SOCKJS_... of the environment is one of the Worker's, which refuses those that it does not know. Other variables are
# those that the bundle was made for. A value in the environment takes precedence over a default of the bundle.
bindings() {
  cat "$here/worker/bindings"
  if is_cluster; then
    cat <<END
    (name = "CLUSTER_PORT", service = "cluster-port"),
END
  fi
  defaults | while read -r name value; do
    if ! is_set "$name"; then
      cat <<END
    (name = "$name", $value),
END
    fi
  done
  { env | sed -n 's/^\(SOCKJS_[A-Za-z0-9_]*\)=.*/\1/p' && cat "$here/worker/names"; } | sort -u | while read -r name; do
    if is_set "$name"; then
      cat <<END
    (name = "$name", fromEnvironment = "$name"),
END
    fi
  done
}

# Prints a name and a Cap'n Proto value for each default. The first of several for one name counts.
defaults() {
  {
    cat "$here/worker/variables"
    if is_cluster; then cat "$here/worker/cluster-variables"; fi
  } | sort -s -u -k 1,1
}

has_upstream() {
  is_set SOCKJS_UPSTREAM || [ -n "$(defaults | sed -n '/^SOCKJS_UPSTREAM /p')" ]
}

is_set() {
  printenv "$1" >/dev/null
}

# Prints a Cap'n Proto string.
text() {
  printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"
}

# Prints the address at which this machine itself reaches a port that listens at $1.
local_address() {
  case $1 in
    0.0.0.0:* | '*:'*) say "127.0.0.1:${1##*:}" ;;
    '[::]:'*) say "[::1]:${1##*:}" ;;
    *) say "$1" ;;
  esac
}
