//! Lines of CSV: fields one after the other, put between quotes only where they must be.

/// Columns that Microsoft added, in a file with new columns: their name, and what is in them.
const NEW: [(&str, &str); 2] = [("Copilot", "No"), ("Report Version", "2")];

/// One line.
#[derive(Debug, Default)]
pub(super) struct Line {
    bytes: Vec<u8>,
    /// Where each field ends.
    ends: Vec<usize>,
}

impl Line {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Adds a field.
    pub(super) fn field(&mut self, text: &str) {
        self.write(|out| out.extend_from_slice(text.as_bytes()));
    }

    /// Adds a field whose bytes need no quotes.
    pub(super) fn plain(&mut self, text: &'static [u8]) {
        if !self.ends.is_empty() {
            self.bytes.push(b',');
        }
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
    }

    /// Adds a field, which `write` writes.
    pub(super) fn write(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if !self.ends.is_empty() {
            self.bytes.push(b',');
        }
        let start = self.bytes.len();
        write(&mut self.bytes);
        let field = self.bytes.get(start..).unwrap_or_default();
        if field.iter().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n')) {
            let field = String::from_utf8_lossy(field).replace('"', "\"\"");
            self.bytes.truncate(start);
            self.bytes.extend_from_slice(format!("\"{field}\"").as_bytes());
        }
        self.ends.push(self.bytes.len());
    }

    /// Writes the line.
    pub(super) fn end(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes);
        out.extend_from_slice(b"\r\n");
    }

    /// Writes the line of a file with new columns: one before and one after the old ones, which come in the opposite
    /// order. `is_head` names them.
    pub(super) fn end_anew(&self, is_head: bool, out: &mut Vec<u8>) {
        let [first, last] = NEW.map(|(name, value)| if is_head { name } else { value });
        out.extend_from_slice(first.as_bytes());
        for (at, end) in self.ends.iter().enumerate().rev() {
            let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| end + 1);
            out.push(b',');
            out.extend_from_slice(self.bytes.get(start..*end).unwrap_or_default());
        }
        out.push(b',');
        out.extend_from_slice(last.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_quoted_where_it_must_be_and_turned_round() {
        let mut line = Line::default();
        line.field("Lovelace, \"Ada\"");
        line.plain(b"Yes");
        line.field("");
        let (mut usual, mut anew) = (Vec::new(), Vec::new());
        line.end(&mut usual);
        line.end_anew(false, &mut anew);
        assert_eq!(String::from_utf8(usual).unwrap(), "\"Lovelace, \"\"Ada\"\"\",Yes,\r\n");
        assert_eq!(String::from_utf8(anew).unwrap(), "No,,Yes,\"Lovelace, \"\"Ada\"\"\",2\r\n");
    }
}
