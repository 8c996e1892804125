//! Prefixes of services: literal, or with parameters such as `/chat/{room}`.
//!
//! A segment is what it means, however it is escaped: `/%63hat` is `/chat`. Objects are named by the meaning, too. So no
//! spelling leads from one service to another one's object.

use percent_encoding::percent_decode_str;

/// The parts of a path that a prefix matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched<'a> {
    /// What stands in the path for the prefix, parameters as they are in the URL.
    pub prefix: &'a str,
    /// What comes after it: nothing, or something with a slash in front.
    pub rest: &'a str,
    /// How many of its segments are parameters.
    pub parameters: usize,
}

/// Matches the beginning of `path`. A parameter takes one segment that is not empty.
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

/// The parameters of `prefix`, which `pattern` matched, with their values as they are in the URL.
pub fn parameters<'p>(pattern: &'p str, prefix: &'p str) -> impl Iterator<Item = (&'p str, &'p str)> {
    let pairs = pattern.split('/').zip(prefix.split('/'));
    pairs.filter_map(|(segment, value)| Some((parameter_name(segment)?, value)))
}

/// The name in a segment such as `{room}`.
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
