//! Makes the names and headers that publishers wrote safe, before lapin parses them.
//!
//! RabbitMQ forwards names and headers unchecked. lapin ends the connection when a text is not UTF-8, and
//! lists nested some hundred levels deep overflow the stack of its thread, which aborts the process (lapin
//! 4.12.3 with RabbitMQ 3.10.8, both seen 2026-11-21). Every new session would meet the same message again.
//! So bytes that are not UTF-8 become `?`, and values nested too deeply become opaque bytes. Neither changes
//! a length, so every frame keeps its place.

const METHOD: u8 = 1;
const HEADER: u8 = 2;
/// The bytes before a frame's payload (type, channel and size), and the mark after it.
const FRAME_START: usize = 7;
const FRAME_END: usize = 1;
/// An inspected frame is held back until it is complete; no broker sends one this large.
const LIMIT_FRAME: usize = 16 * 1024 * 1024;
/// No honest publisher nests deeper.
const LIMIT_DEPTH: usize = 16;

const BASIC: u16 = 60;
const RETURN: u16 = 50;
const DELIVER: u16 = 60;
const GET_OK: u16 = 71;

/// Bytes on their way from the broker to lapin.
#[derive(Debug, Default)]
pub(crate) struct Sanitizer {
    buffer: Vec<u8>,
    /// Bytes handed out already.
    taken: usize,
    /// Bytes that are safe to hand out.
    ready: usize,
    /// Bytes still to come of a frame that is not inspected.
    passing: usize,
}

impl Sanitizer {
    /// Takes bytes from the broker, in pieces of any size.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        if self.taken == self.buffer.len() {
            self.buffer.clear();
            (self.taken, self.ready) = (0, 0);
        }
        self.buffer.extend_from_slice(bytes);
        while self.advance().is_some() {}
    }

    /// Fills `target` with safe bytes and returns how many.
    pub(crate) fn drain(&mut self, target: &mut [u8]) -> usize {
        let safe = self.buffer.get(self.taken..self.ready).unwrap_or_default();
        let count = safe.len().min(target.len());
        if let (Some(from), Some(to)) = (safe.get(..count), target.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.taken = self.taken.saturating_add(count);
        if self.taken == self.ready {
            self.buffer.drain(..self.taken);
            (self.taken, self.ready) = (0, 0);
        }
        count
    }

    /// Inspects the next frame, or skips what has arrived of it; `None` when more bytes are needed.
    fn advance(&mut self) -> Option<()> {
        let rest = self.buffer.get_mut(self.ready..)?;
        if rest.is_empty() {
            return None;
        }
        let (now, later) = if self.passing > 0 {
            let now = self.passing.min(rest.len());
            (now, self.passing.saturating_sub(now))
        } else {
            let (start, payload) = rest.split_at_mut_checked(FRAME_START)?;
            let (kind, size) = (*start.first()?, Cursor(start.get_mut(3..)?).long()?);
            let frame = size.saturating_add(FRAME_START + FRAME_END);
            if matches!(kind, METHOD | HEADER) && frame <= LIMIT_FRAME {
                let payload = payload.get_mut(..size.saturating_add(FRAME_END))?;
                // No publisher can cause a frame that does not parse; lapin reports it itself.
                let _ = if kind == METHOD { sanitize_method(payload) } else { sanitize_header(payload) };
                (frame, 0)
            } else {
                let now = frame.min(rest.len());
                (now, frame.saturating_sub(now))
            }
        };
        self.ready = self.ready.saturating_add(now);
        self.passing = later;
        Some(())
    }
}

/// Sanitizes exchange and routing key of a message that is delivered or returned.
fn sanitize_method(payload: &mut [u8]) -> Option<()> {
    let mut fields = Cursor(payload);
    if fields.int()? != BASIC {
        return Some(());
    }
    match fields.int()? {
        DELIVER => {
            fields.text()?;
            fields.take(9)?;
        }
        GET_OK => {
            fields.take(9)?;
        }
        RETURN => {
            fields.take(2)?;
            fields.text()?;
        }
        _ => return Some(()),
    }
    fields.text()?;
    fields.text()
}

/// Sanitizes the properties of a message, in the order of their flags from the highest bit down.
fn sanitize_header(payload: &mut [u8]) -> Option<()> {
    let mut fields = Cursor(payload);
    fields.take(12)?;
    let flags = fields.int()?;
    for bit in (2..16).rev().filter(|bit| flags & (1 << bit) != 0) {
        match bit {
            13 => Cursor(fields.long_bytes()?).table(LIMIT_DEPTH)?,
            11 | 12 => drop(fields.take(1)?),
            6 => drop(fields.take(8)?),
            _ => fields.text()?,
        }
    }
    Some(())
}

/// Walks over the fields of a frame; `None` as soon as one does not fit.
struct Cursor<'a>(&'a mut [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Option<&'a mut [u8]> {
        let (taken, rest) = std::mem::take(&mut self.0).split_at_mut_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn int(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes((&*self.take(2)?).try_into().ok()?))
    }

    fn long(&mut self) -> Option<usize> {
        usize::try_from(u32::from_be_bytes((&*self.take(4)?).try_into().ok()?)).ok()
    }

    fn long_bytes(&mut self) -> Option<&'a mut [u8]> {
        let count = self.long()?;
        self.take(count)
    }

    /// A text with its length in one byte; replaces bytes that are not UTF-8.
    fn text(&mut self) -> Option<()> {
        let length = usize::from(*self.take(1)?.first()?);
        let text = self.take(length)?;
        while let Err(error) = std::str::from_utf8(text) {
            let start = error.valid_up_to();
            let end = error.error_len().map_or(text.len(), |length| start.saturating_add(length));
            text.get_mut(start..end)?.fill(b'?');
        }
        Some(())
    }

    fn table(&mut self, depth: usize) -> Option<()> {
        while !self.0.is_empty() {
            self.text()?;
            self.value(depth)?;
        }
        Some(())
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        let kind = self.take(1)?.first_mut()?;
        match *kind {
            b'V' => {}
            b't' | b'b' | b'B' => drop(self.take(1)?),
            b's' | b'U' | b'u' => drop(self.take(2)?),
            b'I' | b'i' | b'f' => drop(self.take(4)?),
            b'D' => drop(self.take(5)?),
            b'L' | b'l' | b'd' | b'T' => drop(self.take(8)?),
            b'S' | b'x' => drop(self.long_bytes()?),
            b'A' | b'F' if depth == 0 => {
                *kind = b'x';
                self.long_bytes()?;
            }
            b'F' => Cursor(self.long_bytes()?).table(depth.saturating_sub(1))?,
            b'A' => {
                let mut values = Cursor(self.long_bytes()?);
                while !values.0.is_empty() {
                    values.value(depth.saturating_sub(1))?;
                }
            }
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![kind, 0, 1];
        frame.extend(u32::try_from(payload.len()).unwrap().to_be_bytes());
        frame.extend(payload);
        frame.push(0xCE);
        frame
    }

    fn short(text: &[u8]) -> Vec<u8> {
        [&[u8::try_from(text.len()).unwrap()], text].concat()
    }

    fn long(bytes: &[u8]) -> Vec<u8> {
        [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
    }

    fn header(flags: u16, properties: &[u8]) -> Vec<u8> {
        frame(
            HEADER,
            &[&[0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2], flags.to_be_bytes().as_slice(), properties].concat(),
        )
    }

    fn deliver(key: &[u8]) -> Vec<u8> {
        let parts = [&[0, 60, 0, 60][..], &short(b"tag"), &[0; 9], &short(b"exchange"), &short(key)];
        frame(METHOD, &parts.concat())
    }

    fn sanitized(bytes: &[u8], piece: usize) -> Vec<u8> {
        let mut sanitizer = Sanitizer::default();
        let mut out = Vec::new();
        let mut target = [0; 7];
        for piece in bytes.chunks(piece) {
            sanitizer.feed(piece);
            loop {
                match sanitizer.drain(&mut target) {
                    0 => break,
                    count => out.extend(&target[..count]),
                }
            }
        }
        out
    }

    fn nested(kind: u8, levels: usize) -> Vec<u8> {
        (0..levels).fold(vec![b'V'], |inner, _| {
            let inner = if kind == b'F' { [short(b"n"), inner].concat() } else { inner };
            [vec![kind], long(&inner)].concat()
        })
    }

    #[test]
    fn bytes_that_are_not_utf8_become_question_marks_wherever_a_publisher_can_write() {
        let table = long(&[short(b"\xFFname"), vec![b'V']].concat());
        let properties = [short(b"\xC3\x28"), table, short(b"ok"), short(b"\xF0\x9F")].concat();
        let flags = 1 << 15 | 1 << 13 | 1 << 7 | 1 << 3;
        let out = sanitized(&header(flags, &properties), 5);
        let table = long(&[short(b"?name"), vec![b'V']].concat());
        let readable = [short(b"?("), table, short(b"ok"), short(b"??")].concat();
        assert_eq!(out, header(flags, &readable));
    }

    #[test]
    fn a_routing_key_is_made_readable() {
        assert_eq!(sanitized(&deliver(b"on\xFEboarding"), 3), deliver(b"on?boarding"));
    }

    #[test]
    fn values_nested_too_deeply_become_bytes() {
        for kind in [b'A', b'F'] {
            let bytes = header(1 << 13, &long(&[short(b"n"), nested(kind, 2_000)].concat()));
            let out = sanitized(&bytes, 1_000);
            assert_eq!(out.len(), bytes.len());
            let changed: Vec<_> = out.iter().zip(&bytes).filter(|(new, old)| new != old).collect();
            assert_eq!(changed, [(&b'x', &kind)]);
        }
        let honest = header(1 << 13, &long(&[short(b"n"), nested(b'F', LIMIT_DEPTH)].concat()));
        assert_eq!(sanitized(&honest, 64), honest);
    }

    proptest! {
        #[test]
        fn valid_frames_pass_unchanged_in_pieces_of_any_size(
            key in "\\PC{0,40}", body in proptest::collection::vec(any::<u8>(), 0..300), piece in 1_usize..80,
        ) {
            let parts = [deliver(key.as_bytes()), header(1 << 7, &short(key.as_bytes())), frame(3, &body), frame(8, &[])];
            prop_assert_eq!(sanitized(&parts.concat(), piece), parts.concat());
        }

        #[test]
        fn nothing_panics_or_changes_length(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..300), kind in 0_u8..4, piece in 1_usize..80,
        ) {
            // As the header of a message, as a method, and as garbage.
            bytes = match kind {
                0 => header(u16::MAX, &bytes),
                1 => frame(METHOD, &[&[0, 60, 0, 60][..], &bytes].concat()),
                2 => header(1 << 13, &long(&bytes)),
                _ => bytes,
            };
            let out = sanitized(&bytes, piece);
            prop_assert!(out.len() <= bytes.len());
            prop_assert!(kind == 3 || out.len() == bytes.len());
        }
    }
}
