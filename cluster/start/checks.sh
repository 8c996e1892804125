# Checks before the start, each a Worker of its own in `workerd test`.

# Refuses the start if the Worker says that it cannot serve its variables. The Worker is asked on a storage of its own, outside the
# cluster. Whatever else goes wrong here is no reason: the start itself shows whether it works.
check_variables() {
  rm -rf "$run/scratch"
  mkdir "$run/scratch"
  if ! in_background "$here/workerd" test "$here/tools/settings.capnp" -I "$here" -I "$run" -d "objects=$run/scratch"; then
    if has error; then
      show_failure
      exit 78
    fi
    cat "$run/log" >&2
    printf 'warning: workerd could not ask the Worker about its variables\n' >&2
  fi
  show_lines warning
  rm -rf "$run/scratch"
}

BUCKET_PAUSE_S=3

# While the bucket's service does not answer, the check is repeated: a supervisor may wait longer and longer between two starts.
check_bucket() {
  say "checking the clock and $CLUSTER_BUCKET"
  deadline=$(($(date +%s) + BUCKET_TIMEOUT_MS / 1000))
  is_waiting=
  until in_background bucket_check; do
    if has error || ! has unanswered || [ "$(date +%s)" -ge "$deadline" ]; then
      show_failure
      exit 1
    fi
    if [ -z "$is_waiting" ]; then
      show_lines unanswered
      say "trying again for up to $BUCKET_TIMEOUT_MS ms"
      is_waiting=1
    fi
    in_background sleep "$BUCKET_PAUSE_S"
  done
  show_lines warning
}

bucket_check() {
  if [ -z "${AWS_ACCESS_KEY_ID:-}" ] && [ -n "${AWS_CREDENTIALS_FILE:-}" ]; then
    AWS_ACCESS_KEY_ID=$(credential AWS_ACCESS_KEY_ID)
    AWS_SECRET_ACCESS_KEY=$(credential AWS_SECRET_ACCESS_KEY)
    AWS_SESSION_TOKEN=$(credential AWS_SESSION_TOKEN)
    export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
  fi
  exec "$here/workerd" test "$here/tools/check.capnp"
}

# Runs a command so that a signal ends it: a shell handles no signal while it waits for a command in the foreground.
in_background() {
  hold_signals
  "$@" >"$run/printed" 2>"$run/log" &
  check=$!
  take_signals stop_check
  wait "$check"
}

stop_check() {
  # Another signal changes nothing.
  trap : TERM INT
  end_child "$check" 2000 || true
  exit 0
}

# True if the check printed a line at this level: "error", "warning", or "unanswered", an error that may go away by itself. Lines of
# other forms are the Worker's own log.
has() {
  [ -n "$(sed -n "/^$1: /p" "$run/printed")" ]
}

# Shows what the check printed at one level.
show_lines() {
  sed -n "/^$1: /{s/^unanswered: /error: /;p;}" "$run/printed" >&2
}

# Shows what the check found; where it came to nothing, what workerd itself says.
show_failure() {
  if has error || has unanswered; then
    show_lines error
    show_lines unanswered
    show_lines warning
    # A response shows no value of a variable, which may be a secret.
    case $(cat "$run/printed") in
      *'the log has its value'*) sed -n '/^{"sockjs"/p' "$run/log" >&2 ;;
    esac
  else
    cat "$run/log" >&2
    printf 'error: workerd could not run a check\n' >&2
  fi
}
