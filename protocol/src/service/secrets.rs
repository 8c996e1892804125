//! Secrets that operators set: tokens and keys, with commas in between.

/// The minimum length of a secret in bytes: of tokens for `Push::serve` and `Metrics::serve`, and of keys. `openssl rand -hex 16`
/// prints a secret of this length.
pub const SECRET_MIN: usize = 32;

/// Returns the items of a list with commas in between. Empty items are left out: an empty secret is nobody's.
pub fn comma_list(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// Returns true if one of `secrets` is shorter than [`SECRET_MIN`]. An empty one is nobody's, and does not count.
pub fn is_any_short(secrets: &[impl AsRef<str>]) -> bool {
    secrets.iter().any(|secret| (1..SECRET_MIN).contains(&secret.as_ref().len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_trimmed_and_empty_ones_left_out() {
        for (list, items) in [("", &[][..]), (" , ,", &[]), ("a", &["a"]), (" a b ,c,, d\n", &["a b", "c", "d"])] {
            assert_eq!(comma_list(list).collect::<Vec<_>>(), items, "{list:?}");
        }
    }

    #[test]
    fn a_short_secret_among_long_ones_is_found() {
        let long = "x".repeat(SECRET_MIN);
        assert!(!is_any_short(&[&*long, ""]) && is_any_short(&[&*long, &long[1..]]));
    }
}
