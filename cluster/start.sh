#!/bin/sh
# Runs the Worker of this bundle until SIGTERM or SIGINT. The settings come from the environment: README.md has a table of them.
#
# 1. Reads the settings.
# 2. Writes the configuration of workerd.
# 3. Checks the Worker's variables and, in a cluster, the clock and the bucket.
# 4. Starts workerd, and waits for its end.
# 5. On a signal: lets go of the clients, waits, and stops workerd.
#
# Exit codes: 0 after a signal, 78 if the settings are wrong, 1 if something else failed and another start may help.

set -eu
umask 077

here=$(cd "$(dirname "$0")" && pwd)

say() {
  printf '%s\n' "$1"
}

fail() {
  printf 'error: %s\n' "$1" >&2
  exit 1
}

# A setting that is wrong.
refuse() {
  printf 'error: %s\n' "$1" >&2
  exit 78
}

. "$here/start/children.sh"
. "$here/start/settings.sh"
. "$here/start/configuration.sh"
. "$here/start/checks.sh"
. "$here/start/node.sh"

trap 'exit 0' TERM INT
# A connection is a file, and many machines have a soft limit of 1024.
# shellcheck disable=SC3045 # A shell that cannot do it keeps its limit.
ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
read_settings
write_configuration
if [ "${SKIP_CHECKS:-}" != 1 ]; then
  check_variables
  if is_cluster; then check_bucket; fi
fi
run_node
