//! What another program writes, read to its end and kept up to a bound: it may
//! write for ever.

use std::collections::VecDeque;
use std::io::Read;

/// How much is kept of what is read by people, or judged by its lines.
pub const TEXT: usize = 16 << 20;

/// How much is kept of what is parsed. A part of it would be another answer, so
/// more is an error.
pub const DATA: usize = 256 << 20;

/// What was read.
#[derive(Debug, Default)]
pub struct Kept {
    /// The beginning and the end of it, with a line between that says so where
    /// something is left out.
    pub bytes: Vec<u8>,
    /// How many bytes are left out.
    pub left_out: u64,
}

/// Reads all that comes from there and keeps at most about `most` bytes of it;
/// `seen` is shown everything.
pub fn read(mut from: impl Read, most: usize, mut seen: impl FnMut(&[u8])) -> Kept {
    let half = most / 2;
    let (mut bytes, mut end) = (Vec::new(), VecDeque::<u8>::new());
    let mut left_out = 0;
    let mut chunk = [0; 16 << 10];
    loop {
        let length = match from.read(&mut chunk) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            // What was written until then counts.
            Err(_) => break,
        };
        seen(&chunk[..length]);
        let room = half.saturating_sub(bytes.len()).min(length);
        bytes.extend_from_slice(&chunk[..room]);
        end.extend(&chunk[room..length]);
        let excess = end.len().saturating_sub(half);
        end.drain(..excess);
        left_out += excess as u64;
    }
    if left_out > 0 {
        bytes.extend(format!("\n[{left_out} bytes are left out here]\n").bytes());
    }
    bytes.extend(end);
    Kept { bytes, left_out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_and_the_end_are_kept() {
        let read = |most| {
            let mut seen = 0;
            let kept = read(&b"0123456789"[..], most, |bytes| seen += bytes.len());
            assert_eq!(seen, 10);
            (String::from_utf8(kept.bytes).unwrap(), kept.left_out)
        };
        assert_eq!(read(10), ("0123456789".to_owned(), 0));
        let shown = "01\n[6 bytes are left out here]\n89".to_owned();
        assert_eq!(read(4), (shown, 6));
    }

    #[test]
    fn what_has_no_end_takes_no_more_memory() {
        let endless = std::io::repeat(b'x').take(100 << 20);
        let kept = read(endless, 1 << 20, |_| {});
        assert!(kept.bytes.len() < 2 << 20 && kept.left_out > 98 << 20);
    }
}
