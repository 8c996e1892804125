//! Keys of GRIP, which this server shares with its upstream.

use worker::Env;

/// Name of the secret with the keys, with commas in between. The first key signs requests to the upstream. With each key, programs may
/// publish.
const GRIP_KEYS_SECRET: &str = "SOCKJS_GRIP_KEYS";

/// Returns the keys in the secret `SOCKJS_GRIP_KEYS`.
pub fn grip_keys(env: &Env) -> Vec<String> {
    let secret = env.secret(GRIP_KEYS_SECRET).map(|secret| secret.to_string()).unwrap_or_default();
    secret.split(',').map(str::trim).filter(|key| !key.is_empty()).map(str::to_owned).collect()
}
