# workerd from its start to its end.

workerd=
port=

run_node() {
  hold_signals
  rm -f "$run/listening"
  mkfifo "$run/listening"
  "$here/workerd" serve "$run/node.capnp" -I "$here" --control-fd=3 ${CLUSTER_BUCKET:+--experimental} 3>"$run/listening" &
  workerd=$!
  take_signals stop_node
  # workerd tells the port on its control descriptor, or closes it by ending.
  sed -n '/"socket":"http"/{s/.*"port":\([0-9]*\).*/\1/p;q;}' <"$run/listening" >"$run/port" &
  wait "$!"
  port=$(cat "$run/port")
  rm "$run/listening" "$run/port"
  if [ -n "$port" ]; then say "listening on http://${LISTEN%:*}:$port"; fi

  status=0
  wait "$workerd" || status=$?
  fail "workerd ended by itself, with status $status"
}

# Called on a signal.
stop_node() {
  # Another signal only ends a wait.
  trap : TERM INT
  if [ -n "$port" ]; then drain; fi
  if [ -n "$workerd" ]; then stop_workerd; fi
  say 'stopped'
  exit 0
}

drain() {
  node=$(local_address "${LISTEN%:*}:$port")
  if "$here/workerd" test "$here/tools/control.capnp" -e "node=$node" 2>"$run/log"; then
    sleep "$(seconds "$DRAIN_MS")" || true
  else
    cat "$run/log" >&2
    printf 'warning: the clients could not be let go\n' >&2
  fi
}

# In a cluster workerd hands its objects over, and ends by itself after STOP_TIMEOUT_MS. Outside, it waits for as long as clients stay.
stop_workerd() {
  limit=$STOP_TIMEOUT_MS
  if is_cluster; then limit=$((limit + 5000)); fi
  end_child "$workerd" "$limit" || say "workerd did not stop within $limit ms: what is still open is cut off"
}

# Prints milliseconds as seconds.
seconds() {
  printf '%d.%03d' "$(($1 / 1000))" "$(($1 % 1000))"
}
