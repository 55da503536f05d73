//! Reads JSON as Graph writes it: a tenant has a million people, and most of the time of a pass would go into a general
//! reader.
//!
//! Whatever is unusual or wrong ends the reading with `None`. The caller then reads the page with `serde_json`, which
//! decides whether it is an error, and names the place.

use crate::text::Text;

/// A position in a page.
pub(crate) struct Scanner<'a> {
    page: &'a str,
    at: usize,
}

/// The members of the objects of a list in the order of the first one, and what the reader makes of each name.
pub(crate) struct Order<'a, T>(Vec<(&'a [u8], T)>);

impl<T> Default for Order<'_, T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// Eight bytes that are all one.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The highest bit of eight bytes.
const HIGHEST: u64 = 0x8080_8080_8080_8080;

impl<'a> Scanner<'a> {
    pub(crate) fn new(page: &'a str) -> Self {
        Self { page, at: 0 }
    }

    /// The next byte that is no white space, which stays.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.page.as_bytes().get(self.at)?;
            if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// Takes this byte.
    pub(crate) fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Takes a word such as `null`; whether it stands here.
    pub(crate) fn word(&mut self, word: &str) -> bool {
        let stands_here =
            self.page.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes()));
        if stands_here {
            self.at += word.len();
        }
        stands_here
    }

    /// Takes a text.
    pub(crate) fn text(&mut self) -> Option<Text<'a>> {
        self.take(b'"')?;
        let start = self.at;
        let mut has_escapes = false;
        loop {
            self.pass_plain_bytes();
            match self.page.as_bytes().get(self.at)? {
                b'"' => break,
                b'\\' => {
                    has_escapes = true;
                    self.at += 2;
                }
                0x20.. => self.at += 1,
                _ => return None,
            }
        }
        let end = self.at;
        self.at += 1;
        if has_escapes {
            return serde_json::from_str(self.page.get(start - 1..=end)?).ok();
        }
        self.page.get(start..end).map(Text::borrowed)
    }

    /// Takes an object; `member` takes each value.
    pub(crate) fn object(&mut self, mut member: impl FnMut(&mut Self, &str) -> Option<()>) -> Option<()> {
        self.take(b'{')?;
        if self.take(b'}').is_some() {
            return Some(());
        }
        loop {
            let name = self.text()?;
            self.take(b':')?;
            self.peek()?;
            member(self, name.as_str())?;
            if self.take(b',').is_none() {
                return self.take(b'}');
            }
        }
    }

    /// The same for one of many objects that have their members in one order, mostly. `find` tells what a name means, and
    /// is asked once for a name that stands where it stood before.
    pub(crate) fn object_like<T: Copy>(
        &mut self,
        order: &mut Order<'a, T>,
        find: impl Fn(&str) -> T,
        mut member: impl FnMut(&mut Self, T) -> Option<()>,
    ) -> Option<()> {
        self.take(b'{')?;
        if self.take(b'}').is_some() {
            return Some(());
        }
        for place in 0.. {
            let rest = self.page.as_bytes().get(self.at..)?;
            let meaning = match order.0.get(place) {
                Some((name, meaning)) if rest.starts_with(name) => {
                    self.at += name.len();
                    *meaning
                }
                _ => {
                    let meaning = find(self.text()?.as_str());
                    self.take(b':')?;
                    let length = self.page.len() - self.at;
                    // Only the first object, or a longer one, has a name at a place where none was.
                    if place == order.0.len() {
                        order.0.push((rest.get(..rest.len() - length)?, meaning));
                    }
                    meaning
                }
            };
            self.peek()?;
            member(self, meaning)?;
            if self.take(b',').is_none() {
                break;
            }
        }
        self.take(b'}')
    }

    /// Takes a list; `element` takes each value.
    pub(crate) fn list(&mut self, mut element: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.take(b'[')?;
        if self.take(b']').is_some() {
            return Some(());
        }
        loop {
            self.peek()?;
            element(self)?;
            if self.take(b',').is_none() {
                return self.take(b']');
            }
        }
    }

    /// Takes what nothing is read from, if it is plain.
    pub(crate) fn pass_value(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.text().map(drop),
            _ => (self.word("null") || self.word("true") || self.word("false")).then_some(()),
        }
    }

    /// Whether nothing follows.
    pub(crate) fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Goes on to the next quotation mark, backslash or control character, or to less than eight bytes before it.
    ///
    /// It looks at eight bytes at a time. A borrow between bytes can only make a byte behind the first hit look like
    /// one (Sean Anderson, "Bit Twiddling Hacks", "Determine if a word has a zero byte").
    fn pass_plain_bytes(&mut self) {
        let bytes = self.page.as_bytes().get(self.at..).unwrap_or_default();
        for chunk in bytes.as_chunks::<8>().0 {
            let word = u64::from_le_bytes(*chunk);
            let less = |limit: u64, word: u64| word.wrapping_sub(ONES * limit) & !word & HIGHEST;
            let equal = |byte: u8| less(1, word ^ (ONES * u64::from(byte)));
            let hits = equal(b'"') | equal(b'\\') | less(0x20, word);
            if hits != 0 {
                self.at += hits.trailing_zeros() as usize / 8;
                return;
            }
            self.at += 8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything of a page, as `serde_json` would read it, if it is plain.
    fn texts(page: &str) -> Option<Vec<String>> {
        let mut scanner = Scanner::new(page);
        let mut texts = Vec::new();
        scanner.list(|scanner| {
            texts.push(scanner.text()?.as_str().to_owned());
            Some(())
        })?;
        scanner.is_at_end().then_some(texts)
    }

    #[test]
    fn texts_of_any_length_are_read_as_serde_json_reads_them() {
        for inside in ["", "é", "\\\"", "\\u00e9", "\\\\", "\u{7f}", "\u{1f600}"] {
            for before in 0..20 {
                for after in 0..20 {
                    let text = format!("{}{inside}{}", "a".repeat(before), "é".repeat(after));
                    let page = format!(" [ \"{text}\" ,\n\"{text}\"]\t");
                    let expected: Vec<String> = serde_json::from_str(&page).unwrap();
                    assert_eq!(texts(&page), Some(expected), "{page}");
                }
            }
        }
    }

    #[test]
    fn what_serde_json_refuses_is_not_read() {
        let pages = [
            "",
            "[",
            "[\"",
            "[\"a",
            "[\"a\"",
            "[\"a\",]",
            "[\"a\" \"b\"]",
            "[,\"a\"]",
            "[\"a\"]x",
            "[\"\\x\"]",
            "[\"\\\"]",
            "[\"a\u{1}aaaaaaaaaa\"]",
            "[\"aaaaaaaaaa\na\"]",
            "[\"\\ud800\"]",
        ];
        for page in pages {
            assert!(serde_json::from_str::<Vec<String>>(page).is_err(), "{page:?}");
            assert_eq!(texts(page), None, "{page:?}");
        }
    }

    #[test]
    fn members_are_told_apart_and_what_is_not_plain_ends_the_reading() {
        let names = |page: &str| {
            let mut names = Vec::new();
            let mut scanner = Scanner::new(page);
            scanner.object(|scanner, name| {
                names.push(name.to_owned());
                scanner.pass_value()
            })?;
            scanner.is_at_end().then(|| names.join(" "))
        };
        assert_eq!(names("{}").as_deref(), Some(""));
        assert_eq!(names(r#"{"a":"1", "b" : null,"c":true ,"d":false}"#).as_deref(), Some("a b c d"));
        for other in [
            r#"{"a":1}"#,
            r#"{"a":{}}"#,
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":nul}"#,
            r#"{"a":null"#,
            r#"{a:null}"#,
        ] {
            assert_eq!(names(other), None, "{other}");
        }
    }
}
