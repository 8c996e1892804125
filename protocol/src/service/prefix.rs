//! Prefixes of services: literal, or with parameters such as `/chat/{room}`.
//!
//! Segments are compared after percent-decoding: `/%63hat` is `/chat`. The names of objects contain each segment in one
//! spelling only. So no spelling of one service's path leads to another service's object.

use percent_encoding::percent_decode_str;

/// A path that a prefix matched, in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched<'a> {
    /// Part of the path that matched the prefix, with parameters as they are in the URL.
    pub prefix: &'a str,
    /// Rest of the path: empty, or beginning with a slash.
    pub rest: &'a str,
    /// Number of the prefix's segments that are parameters.
    pub parameters: usize,
}

/// Matches the beginning of `path` with the prefix `pattern`. A parameter matches one segment that is not empty.
pub fn match_prefix<'a>(pattern: &str, path: &'a str) -> Option<Matched<'a>> {
    let is_literal = !pattern.contains('{');
    let rest = path.strip_prefix(pattern).filter(|rest| is_literal && (rest.is_empty() || rest.starts_with('/')));
    if let Some(rest) = rest {
        return Some(Matched { prefix: path.strip_suffix(rest)?, rest, parameters: 0 });
    }
    let (mut rest, mut parameters) = (path, 0);
    for segment in pattern.split('/').skip(1) {
        let after = rest.strip_prefix('/')?;
        let end = after.find('/').unwrap_or(after.len());
        let (given, others) = after.split_at_checked(end)?;
        if parameter_name(segment).is_some() {
            parameters += 1;
            if given.is_empty() {
                return None;
            }
        } else if !percent_decode_str(given).eq(segment.bytes()) {
            return None;
        }
        rest = others;
    }
    Some(Matched { prefix: path.strip_suffix(rest)?, rest, parameters })
}

/// Returns the parameters of `prefix`, which `pattern` matched, with their values as they are in the URL.
pub fn parameters<'p>(pattern: &'p str, prefix: &'p str) -> impl Iterator<Item = (&'p str, &'p str)> {
    let pairs = pattern.split('/').zip(prefix.split('/'));
    pairs.filter_map(|(segment, value)| Some((parameter_name(segment)?, value)))
}

/// Returns the parameter's name in a segment such as `{room}`.
pub fn parameter_name(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_prefix_is_the_beginning_of_a_path() {
        let rest = |pattern, path| match_prefix(pattern, path).map(|matched| (matched.prefix, matched.rest));
        assert_eq!(rest("/echo", "/echo"), Some(("/echo", "")));
        assert_eq!(rest("/echo", "/echo/info"), Some(("/echo", "/info")));
        assert_eq!(rest("", "/info"), Some(("", "/info")));
        assert_eq!(rest("/echo", "/echoes"), None);
        assert_eq!(rest("/echo", "/ech"), None);
    }

    #[test]
    fn a_segment_is_what_it_means_however_it_is_escaped() {
        let matched = match_prefix("/chat/lobby", "/%63hat/%6c%6Fbby/info").unwrap();
        assert_eq!(matched, Matched { prefix: "/%63hat/%6c%6Fbby", rest: "/info", parameters: 0 });
        let matched = match_prefix("/chat/{room}", "/ch%61t/a%2Fb").unwrap();
        assert_eq!(matched, Matched { prefix: "/ch%61t/a%2Fb", rest: "", parameters: 1 });
        for path in ["/chat%2Flobby", "/%2563hat/lobby", "/chat/lobb%", "/chat/lobby%00"] {
            assert_eq!(match_prefix("/chat/lobby", path), None, "{path}");
        }
    }

    #[test]
    fn a_parameter_takes_one_segment() {
        let rest = |path| match_prefix("/chat/{room}/on/{floor}", path).map(|matched| (matched.prefix, matched.rest));
        assert_eq!(rest("/chat/a%20b/on/2/info"), Some(("/chat/a%20b/on/2", "/info")));
        assert_eq!(rest("/chat/a/on/2"), Some(("/chat/a/on/2", "")));
        for path in ["/chat/a/on", "/chat//on/2", "/chat/a/off/2", "/chat/a/on/", "/x/a/on/2", "", "/"] {
            assert_eq!(rest(path), None, "{path}");
        }
        let found: Vec<_> = parameters("/chat/{room}/on/{floor}", "/chat/a%20b/on/2").collect();
        assert_eq!(found, [("room", "a%20b"), ("floor", "2")]);
    }
}
