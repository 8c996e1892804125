# The settings, from the environment. Each one that is wrong is refused with a line that says what is expected.

read_settings() {
  LISTEN=${LISTEN:-0.0.0.0:8787}
  require_address LISTEN "$LISTEN"
  DATA_DIR=${DATA_DIR:-${STATE_DIRECTORY:-./data}}
  NODE_NAME=${NODE_NAME:-$(uname -n)}
  STOP_TIMEOUT_MS=${STOP_TIMEOUT_MS:-8000}
  require_number STOP_TIMEOUT_MS "$STOP_TIMEOUT_MS"
  DRAIN_MS=${DRAIN_MS:-3000}
  require_number DRAIN_MS "$DRAIN_MS"
  BUCKET_TIMEOUT_MS=${BUCKET_TIMEOUT_MS:-300000}
  require_number BUCKET_TIMEOUT_MS "$BUCKET_TIMEOUT_MS"
  SKIP_CHECKS=${SKIP_CHECKS:-}
  case $SKIP_CHECKS in
    '' | 0 | 1) ;;
    *) refuse "SKIP_CHECKS is \"$SKIP_CHECKS\": expected 1, or nothing" ;;
  esac

  # The Worker knows these two by other names.
  export SOCKJS_NODE="$NODE_NAME"
  SOCKJS_DRAIN_TOKEN=${SOCKJS_DRAIN_TOKEN:-$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')}
  expected='expected at least 32 printable characters, or nothing for a new token at each start'
  case $SOCKJS_DRAIN_TOKEN in
    *[![:graph:]]*) refuse "SOCKJS_DRAIN_TOKEN has spaces or control characters: $expected" ;;
  esac
  [ "${#SOCKJS_DRAIN_TOKEN}" -ge 32 ] || refuse "SOCKJS_DRAIN_TOKEN has ${#SOCKJS_DRAIN_TOKEN} characters: $expected"
  export SOCKJS_DRAIN_TOKEN

  if is_cluster; then
    read_cluster
  elif [ -n "${CLUSTER_KEY:-}${CLUSTER_KEY_FILE:-}${CLUSTER_ADVERTISE:-}${CLUSTER_ADDRESS:-}" ]; then
    refuse 'CLUSTER_BUCKET is not set, but other settings of a cluster are: set it, or leave them out'
  fi
}

is_cluster() {
  [ -n "${CLUSTER_BUCKET:-}" ]
}

read_cluster() {
  case $CLUSTER_BUCKET in
    *[![:graph:]]*) refuse "CLUSTER_BUCKET is \"$CLUSTER_BUCKET\": expected no spaces" ;;
    s3:///* | gs:///*) refuse "CLUSTER_BUCKET is \"$CLUSTER_BUCKET\": the bucket has no name (example: s3://bucket/prefix)" ;;
    s3://?*/?* | gs://?*/?*) ;;
    *) refuse "CLUSTER_BUCKET is \"$CLUSTER_BUCKET\": expected s3://bucket/prefix or gs://bucket/prefix" ;;
  esac
  CLUSTER_ADDRESS=${CLUSTER_ADDRESS:-0.0.0.0:8788}
  require_address CLUSTER_ADDRESS "$CLUSTER_ADDRESS"
  case $CLUSTER_ADDRESS in
    *:0) refuse "CLUSTER_ADDRESS is \"$CLUSTER_ADDRESS\": expected a port other than 0" ;;
  esac
  CLUSTER_ADVERTISE=${CLUSTER_ADVERTISE:-}
  if [ -n "$CLUSTER_ADVERTISE" ]; then
    require_address CLUSTER_ADVERTISE "$CLUSTER_ADVERTISE"
  else
    case $CLUSTER_ADDRESS in
      0.0.0.0:* | '[::]:'* | '*:'*)
        refuse "CLUSTER_ADVERTISE is not set, and no other node can reach $CLUSTER_ADDRESS: set it to the address of this machine in the private network (example: 10.0.0.5:${CLUSTER_ADDRESS##*:})"
        ;;
    esac
  fi
  read_key
  case $CLUSTER_BUCKET in
    s3:*) read_credentials ;;
  esac
}

read_key() {
  if [ -n "${CLUSTER_KEY:-}" ] && [ -n "${CLUSTER_KEY_FILE:-}" ]; then
    refuse 'CLUSTER_KEY and CLUSTER_KEY_FILE are both set: leave one out'
  fi
  if [ -n "${CLUSTER_KEY_FILE:-}" ]; then
    [ -r "$CLUSTER_KEY_FILE" ] || refuse "CLUSTER_KEY_FILE is \"$CLUSTER_KEY_FILE\", which cannot be read"
    CLUSTER_KEY=$(cat "$CLUSTER_KEY_FILE")
  fi
  # shellcheck disable=SC2016 # The line is to be typed as it is.
  how='the same secret for all nodes, of at least 32 printable characters; make one with: head -c 32 /dev/urandom | od -An -tx1 | tr -d " \n"'
  [ -n "${CLUSTER_KEY:-}" ] || refuse "CLUSTER_KEY or CLUSTER_KEY_FILE is missing: expected $how"
  case $CLUSTER_KEY in
    *[![:graph:]]*) refuse "the cluster's key has spaces or control characters: expected $how" ;;
  esac
  [ "${#CLUSTER_KEY}" -ge 32 ] || refuse "the cluster's key has ${#CLUSTER_KEY} characters: expected $how"
}

# Names variables that a bucket of S3 needs. workerd itself reads them.
read_credentials() {
  if [ -n "${AWS_ACCESS_KEY_ID:-}" ]; then
    [ -n "${AWS_SECRET_ACCESS_KEY:-}" ] || refuse 'AWS_SECRET_ACCESS_KEY is missing: AWS_ACCESS_KEY_ID is set'
  elif [ -n "${AWS_CREDENTIALS_FILE:-}" ]; then
    [ -r "$AWS_CREDENTIALS_FILE" ] || refuse "AWS_CREDENTIALS_FILE is \"$AWS_CREDENTIALS_FILE\", which cannot be read"
    for name in AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY; do
      [ -n "$(credential "$name")" ] || refuse "AWS_CREDENTIALS_FILE \"$AWS_CREDENTIALS_FILE\" has no line $name=..."
    done
  else
    refuse "the credentials for $CLUSTER_BUCKET are missing: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_CREDENTIALS_FILE"
  fi
  case ${AWS_ENDPOINT_URL:-} in
    '' | http://?* | https://?*) ;;
    *) refuse "AWS_ENDPOINT_URL is \"$AWS_ENDPOINT_URL\": expected http://host:port or https://host" ;;
  esac
}

# Prints a value of the file of credentials.
credential() {
  sed -n "s/^$1=//p" "$AWS_CREDENTIALS_FILE"
}

require_number() {
  case $2 in
    '' | *[!0-9]* | 0?* | ????????*) refuse "$1 is \"$2\": expected milliseconds (example: 3000)" ;;
  esac
}

require_address() {
  case $2 in
    [!\[]*:*:*) refuse "$1 is \"$2\": an IPv6 address stands in brackets (example: [fd00::1]:8787)" ;;
    *[![:graph:]]* | *[\"\\]*) ;;
    '['*:*']':*[0-9] | *:*[0-9])
      port=${2##*:}
      case $port in
        *[!0-9]* | ??????*) ;;
        *) [ "$port" -gt 65535 ] || return 0 ;;
      esac
      ;;
  esac
  refuse "$1 is \"$2\": expected HOST:PORT (example: 127.0.0.1:8787)"
}
