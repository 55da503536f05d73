//! QuickXorHash, the hash of a file's content in OneDrive for Business.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The bits of the hash.
const WIDTH: usize = 160;
/// The shift between two bytes, in bits.
const STEP: usize = 11;

/// The hash of a content, in base64, as Graph reports it for a file.
///
/// The algorithm adds each byte without carry to a ring of 160 bits, shifted eleven bits further than the byte before,
/// and adds the length to the end of the ring (Microsoft, "QuickXorHash algorithm", 2024). The hash detects damage, not
/// tampering: two contents with the same hash are easy to make.
pub fn quick_xor_hash(content: &[u8]) -> String {
    let mut ring = [0_u8; WIDTH / 8];
    for (number, byte) in content.iter().enumerate() {
        let at = number * STEP % WIDTH;
        let [low, high] = (u16::from(*byte) << (at % 8)).to_le_bytes();
        add(&mut ring, at / 8, low);
        add(&mut ring, (at / 8 + 1) % (WIDTH / 8), high);
    }
    let length = (content.len() as u64).to_le_bytes();
    let start = ring.len() - length.len();
    for (number, byte) in length.into_iter().enumerate() {
        add(&mut ring, start + number, byte);
    }
    STANDARD.encode(ring)
}

fn add(ring: &mut [u8], at: usize, bits: u8) {
    if let Some(cell) = ring.get_mut(at) {
        *cell ^= bits;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_agrees_with_what_others_compute() {
        // From the tests of rclone's OneDrive backend (2024).
        let rows = [
            ("", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
            ("n6Neh7p6fFgm", "nxiFFw6hCz3wAQsmCQAAAAAAAAA="),
            ("2fuxhBJXtpWFe8dOfdGeHw==", "O9tHLAghgSvYohKFyMMxnNCHaHg="),
            (
                "4SVmjtXIL8BB8SfkbR5Cpaljm2jpyUfAhIBf65XmKxHlz9dy5XixgiE/q1lv+esZW/E=",
                "wxZ0rxkMQEnRNAp8ZgEZLT4RdLM=",
            ),
        ];
        for (content, hash) in rows {
            assert_eq!(quick_xor_hash(&STANDARD.decode(content).unwrap()), hash);
        }
    }
}
