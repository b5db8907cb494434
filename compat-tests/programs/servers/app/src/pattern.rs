//! Bytes whose order can be told, and a sum that tells it.

use bytes::Bytes;

/// `length` bytes, as they follow on the first `start` of all.
pub fn bytes(start: u64, length: u64) -> Bytes {
    (start..start + length)
        .map(|index| (index % 251) as u8)
        .collect()
}

/// FNV-1a.
pub struct Sum(u64);

impl Sum {
    pub fn new() -> Sum {
        Sum(0xcbf2_9ce4_8422_2325)
    }

    pub fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    pub fn value(&self) -> u64 {
        self.0
    }
}
