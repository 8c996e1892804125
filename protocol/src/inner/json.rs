//! A reader for JSON that this server wrote itself: commands between the Worker and the object, and stored values.
//!
//! It reads field by field. The code that serde generates for the same types would be a twentieth of the whole Worker.

use serde_json::Value;

/// The unread rest of a JSON document. Each method reads one value from its start, and returns `None` if the value has
/// another type.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a str,
}

/// A callback that reads one value.
type Read<'r, 'a> = &'r mut dyn FnMut(&mut Reader<'a>) -> Option<()>;
/// A callback that reads one value with a name.
type ReadNamed<'r, 'a> = &'r mut dyn FnMut(&'a str, &mut Reader<'a>) -> Option<()>;

impl<'a> Reader<'a> {
    /// Reads one value from `text` with `read`. Returns `None` if `read` does, or if anything follows the value.
    pub fn whole<T>(text: &'a str, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let mut reader = Self { rest: text };
        let value = read(&mut reader)?;
        reader.ahead().is_empty().then_some(value)
    }

    /// Reads an object. `field` reads the value of each of its fields, or skips it with [`Reader::skip`].
    pub fn object(&mut self, field: ReadNamed<'_, 'a>) -> Option<()> {
        self.items('{', '}', &mut |reader| {
            let name = reader.quoted()?;
            reader.take(':')?;
            field(name, reader)
        })
    }

    /// Reads an array. `item` reads each of its values.
    pub fn array(&mut self, item: Read<'_, 'a>) -> Option<()> {
        self.items('[', ']', item)
    }

    /// Reads an enum: the name of a variant, or an object whose one field has that name and the value that `kind`
    /// reads.
    pub fn kind(&mut self, kind: ReadNamed<'_, 'a>) -> Option<()> {
        if self.ahead().starts_with('"') {
            let name = self.quoted()?;
            return kind(name, &mut Reader { rest: "" });
        }
        self.object(kind)
    }

    /// Reads a string.
    pub fn text(&mut self) -> Option<String> {
        let text = self.ahead();
        let inside = self.quoted()?;
        if inside.bytes().any(|byte| byte == b'\\' || byte < b' ') {
            return serde_json::from_str(text.get(..inside.len() + 2)?).ok();
        }
        Some(inside.to_owned())
    }

    /// Reads a whole number that is not negative.
    pub fn number<T: TryFrom<u64>>(&mut self) -> Option<T> {
        self.digits()?.try_into().ok()
    }

    /// Reads `true` or `false`.
    pub fn flag(&mut self) -> Option<bool> {
        match self.skipped()? {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// Reads an array of pairs of strings.
    pub fn pairs(&mut self) -> Option<Vec<(String, String)>> {
        let mut pairs = Vec::new();
        self.array(&mut |pair| {
            pair.take('[')?;
            let name = pair.text()?;
            pair.take(',')?;
            pairs.push((name, pair.text()?));
            pair.take(']')
        })?;
        Some(pairs)
    }

    /// Reads `null`.
    pub fn null(&mut self) -> Option<()> {
        self.rest = self.ahead().strip_prefix("null")?;
        Some(())
    }

    /// Returns the number of unread bytes.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// Reads any value, and returns it as it is written. It may be malformed inside.
    pub fn raw(&mut self) -> Option<&'a str> {
        self.skipped()
    }

    /// Reads any value.
    pub fn value(&mut self) -> Option<Value> {
        serde_json::from_str(self.skipped()?).ok()
    }

    /// Skips any value.
    pub fn skip(&mut self) -> Option<()> {
        self.skipped().map(|_| ())
    }

    fn items(&mut self, open: char, close: char, item: Read<'_, 'a>) -> Option<()> {
        self.take(open)?;
        if self.take(close).is_some() {
            return Some(());
        }
        loop {
            item(self)?;
            if self.take(close).is_some() {
                return Some(());
            }
            self.take(',')?;
        }
    }

    /// Returns the unread rest without leading white space.
    fn ahead(&self) -> &'a str {
        self.rest.trim_start_matches([' ', '\t', '\n', '\r'])
    }

    fn take(&mut self, char: char) -> Option<()> {
        self.rest = self.ahead().strip_prefix(char)?;
        Some(())
    }

    /// Reads a string. Returns what is between its quotes, with its escapes.
    fn quoted(&mut self) -> Option<&'a str> {
        self.take('"')?;
        let mut is_escaped = false;
        let end = self.rest.bytes().position(|byte| {
            let is_end = byte == b'"' && !is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            is_end
        })?;
        let (inside, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest.strip_prefix('"')?;
        Some(inside)
    }

    fn digits(&mut self) -> Option<u64> {
        let text = self.ahead();
        let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
        let (digits, rest) = text.split_at_checked(end)?;
        if rest.starts_with(['.', 'e', 'E']) {
            return None;
        }
        self.rest = rest;
        digits.parse().ok()
    }

    /// Reads any value as it is written. The value may be malformed inside.
    fn skipped(&mut self) -> Option<&'a str> {
        let text = self.ahead();
        let (mut depth, mut is_quoted, mut is_escaped) = (0_usize, false, false);
        let end = text.bytes().position(|byte| {
            if is_quoted {
                is_quoted = byte != b'"' || is_escaped;
                is_escaped = byte == b'\\' && !is_escaped;
                return false;
            }
            match byte {
                b'"' => is_quoted = true,
                b'{' | b'[' => depth += 1,
                b',' | b'}' | b']' if depth == 0 => return true,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            false
        });
        let (value, rest) = text.split_at_checked(end.unwrap_or(text.len()))?;
        self.rest = rest;
        Some(value.trim_end()).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(json: &str) -> Option<String> {
        Reader::whole(json, Reader::text)
    }

    #[test]
    fn strings_are_what_serde_reads() {
        for json in [
            r#""""#,
            r#""a""#,
            r#" "a" "#,
            r#""é€😀""#,
            r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#,
            r#""\\""#,
            r#""\\\"""#,
            "\"\u{7f}\"",
            "\"a\nb\"",
            r#""\ud83d""#,
            r#""\x""#,
            r#"""#,
            r#""\""#,
            r#""a" b"#,
            "a",
            "",
            "1",
        ] {
            assert_eq!(text(json), serde_json::from_str(json).ok(), "{json}");
        }
    }

    #[test]
    fn numbers_are_whole_and_fit() {
        let number = |json| Reader::whole(json, Reader::number::<u16>);
        assert_eq!([number("0"), number(" 65535 ")], [Some(0), Some(65_535)]);
        for json in ["65536", "-1", "1.5", "1e2", "", "a", "18446744073709551616", "1 2", "+1"] {
            assert_eq!(number(json), None, "{json}");
        }
        assert_eq!(Reader::whole("18446744073709551615", Reader::number), Some(u64::MAX));
    }

    #[test]
    fn a_number_that_is_not_whole_is_none_in_an_object_too() {
        for number in ["3000.5", "3e3", "3000.0"] {
            let (mut read, json) = (Some(0), format!(r#"{{"code":{number}}}"#));
            Reader::whole(&json, |reader| {
                reader.object(&mut |_, reader| {
                    read = reader.number::<u16>();
                    reader.skip()
                })
            });
            assert_eq!(read, None, "{number}");
        }
    }

    #[test]
    fn null_is_taken_and_what_is_left_is_counted() {
        let read = Reader::whole(" null ", |reader| {
            assert_eq!((reader.left(), reader.null(), reader.left()), (6, Some(()), 1));
            Some(reader.null().is_none())
        });
        assert_eq!(read, Some(true));
    }

    #[test]
    fn flags_are_two_words() {
        let flag = |json| Reader::whole(json, Reader::flag);
        assert_eq!([flag("true"), flag(" false ")], [Some(true), Some(false)]);
        for json in ["", "True", "truefalse", "true false", "1", "\"true\""] {
            assert_eq!(flag(json), None, "{json}");
        }
    }

    #[test]
    fn any_value_is_passed_over_or_kept() {
        let odd = r#"{"a":[1,{"b":"]}\\\""},"{["],"c":{"d":null}}"#;
        let json = format!(r#"[{odd}, {odd} , "x,y" ,1.5,true,[ ],{{}}]"#);
        let mut values = Vec::new();
        let kept = Reader::whole(&json, |reader| {
            reader.array(&mut |item| {
                values.push(item.value()?);
                Some(())
            })
        });
        assert_eq!(kept, Some(()));
        assert_eq!(Value::from(values), serde_json::from_str::<Value>(&json).unwrap());
        let skipped = Reader::whole(&json, |reader| reader.array(&mut Reader::skip));
        assert_eq!(skipped, Some(()));
        assert_eq!(Reader::whole("[1 2]", Reader::value), None);
    }

    #[test]
    fn what_is_broken_is_none() {
        let read = |json| {
            let mut names = Vec::new();
            Reader::whole(json, |reader| {
                reader.object(&mut |name, reader| {
                    names.push(name.to_owned());
                    reader.skip()
                })
            })?;
            Some(names)
        };
        assert_eq!(read(r#" { "a" : 1 , "b":[2] } "#).unwrap(), ["a", "b"]);
        assert_eq!(read("{}").unwrap().len(), 0);
        for json in ["", "{", "}", r#"{"a"}"#, r#"{"a":}"#, r#"{"a":1"#, r#"{"a":1,}"#, r#"{a:1}"#, "{,}", "{}{}", "[]"]
        {
            assert_eq!(read(json), None, "{json}");
        }
    }

    #[test]
    fn a_kind_is_a_name_alone_or_with_what_it_holds() {
        let read = |json| {
            let mut kinds = Vec::new();
            Reader::whole(json, |reader| {
                reader.kind(&mut |name, reader| {
                    kinds.push((name.to_owned(), reader.value()));
                    Some(())
                })
            })?;
            Some(kinds)
        };
        assert_eq!(read(r#""over""#).unwrap(), [("over".to_owned(), None)]);
        assert_eq!(read(r#"{"close":{"code":1}}"#).unwrap(), [("close".to_owned(), Some(json!({ "code": 1 })))]);
        assert_eq!(read("1"), None);
    }

    #[test]
    fn pairs_are_pairs() {
        let pairs = |json| Reader::whole(json, Reader::pairs);
        assert_eq!(pairs("[]"), Some(Vec::new()));
        assert_eq!(pairs(r#"[["a","b"], [ "c" , "d" ]]"#).unwrap().len(), 2);
        for json in [r#"[["a"]]"#, r#"[["a","b","c"]]"#, r#"["a","b"]"#, "[[]]", "[1]"] {
            assert_eq!(pairs(json), None, "{json}");
        }
    }
}
