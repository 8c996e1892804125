# Starts and ends processes of this shell.

# Between these two calls a process is started, and its id noted. A signal that arrives meanwhile waits: its handler would not know the
# process yet, and leave it behind. take_signals sets the handler $1.
hold_signals() {
  is_signalled=
  trap 'is_signalled=1' TERM INT
}

take_signals() {
  # shellcheck disable=SC2064 # The name of the handler is known now.
  trap "$1" TERM INT
  if [ -n "$is_signalled" ]; then "$1"; fi
}

# Ends a child: with SIGTERM, and with SIGKILL if it still runs after $2 milliseconds, or up to a second later. Fails if it took SIGKILL.
#
# SIGTERM is repeated: a process that was forked a moment ago still has the handlers of this shell, and dash 0.5.12 drops the signal
# then. To workerd a second SIGTERM says nothing new.
end_child() {
  deadline=$(($(date +%s) + $2 / 1000 + 1))
  # Hides what the shell itself says about a child that was killed, or that is gone.
  while kill -TERM "$1"; do
    if [ "$(date +%s)" -ge "$deadline" ]; then
      kill -KILL "$1" || true
      wait "$1" || true
      return 1
    fi
    # While the shell waits for `sleep`, it also reaps the child if that has ended. After that, `kill` fails.
    sleep 0.1 || true
  done 2>/dev/null
}
