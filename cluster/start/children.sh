# Ends processes that this shell started.

END_ROUND_MS=100

# Ends a child: with SIGTERM, and with SIGKILL if it still runs after $2 milliseconds. Fails if it took SIGKILL.
#
# SIGTERM is repeated: a process that was forked a moment ago still has the handlers of this shell, and dash 0.5.12 drops the signal
# then. To workerd a second SIGTERM says nothing new.
end_child() {
  rounds=$((($2 + END_ROUND_MS - 1) / END_ROUND_MS))
  # A shell says on its standard error that a child was killed.
  while kill -TERM "$1"; do
    if [ "$rounds" -le 0 ]; then
      kill -KILL "$1" || true
      wait "$1" || true
      return 1
    fi
    rounds=$((rounds - 1))
    # The shell takes note of a child that ended while it waits for another.
    sleep "$(seconds "$END_ROUND_MS")" || true
  done 2>/dev/null
}

# Prints milliseconds as seconds.
seconds() {
  printf '%d.%03d' "$(($1 / 1000))" "$(($1 % 1000))"
}
