//! What is sent in an exchange, either way.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};

/// The header in which a response says to which exchange it belongs.
pub const NUMBER: &str = "x-exchange";

/// One request with its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// What it is told apart by.
    pub number: u64,
    /// What the client sends.
    pub up: Body,
    /// What the server sends.
    pub down: Body,
    /// Whether the server answers while it reads.
    pub early: bool,
}

/// A body, one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Body {
    /// Its first byte follows from this.
    seed: u64,
    pub length: u64,
    /// Whether its length is not said before.
    pub chunked: bool,
    /// The size of a piece; between pieces is a pause, where there are few.
    pub piece: u64,
}

impl Exchange {
    /// The one with this number, of those that a seed makes.
    pub fn draw(seed: u64, number: u64) -> Exchange {
        let mut random = Random::new(seed, number);
        let mut length = || match random.below(5) {
            0 => 0,
            1 => random.below(20),
            2 | 3 => random.below(2_000),
            _ => random.below(100_000),
        };
        let (up, down) = (length(), length());
        let mut body = |seed, length| Body {
            seed,
            length,
            chunked: random.below(2) == 0,
            piece: 1 + random.below(20_000),
        };
        Exchange {
            number,
            up: body(2 * number, up),
            down: body(2 * number + 1, down),
            early: down > 0 && random.below(4) == 0,
        }
    }

    /// Its path, which begins with its number.
    pub fn path(&self) -> String {
        let (up, down) = (self.up.words(), self.down.words());
        format!("/{}/{up}/{down}/{}", self.number, u8::from(self.early))
    }

    /// The one that [`path`](Exchange::path) says.
    pub fn of(path: &str) -> Option<Exchange> {
        let numbers: Vec<u64> = path
            .trim_start_matches('/')
            .split(['/', '-'])
            .map(|word| word.parse().ok())
            .collect::<Option<_>>()?;
        let &[
            number,
            length,
            chunked,
            piece,
            length_down,
            chunked_down,
            piece_down,
            early,
        ] = numbers.as_slice()
        else {
            return None;
        };
        let body = |seed, length, chunked, piece: u64| Body {
            seed,
            length,
            chunked: chunked == 1,
            piece: piece.max(1),
        };
        Some(Exchange {
            number,
            up: body(2 * number, length, chunked, piece),
            down: body(2 * number + 1, length_down, chunked_down, piece_down),
            early: early == 1,
        })
    }
}

impl Body {
    fn words(&self) -> String {
        format!("{}-{}-{}", self.length, u8::from(self.chunked), self.piece)
    }

    /// The bytes from `start` on, `length` of them.
    pub fn bytes(&self, start: u64, length: u64) -> Bytes {
        (start..start + length).map(|at| self.byte(at)).collect()
    }

    /// The byte at this place. Neither another place nor another body is likely
    /// to have the same ones around it.
    pub fn byte(&self, at: u64) -> u8 {
        let mixed = (at / 64 + 1)
            .wrapping_add(self.seed << 20)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) as u8 ^ at as u8
    }

    /// The same without its last byte, and that.
    pub fn but_last(self) -> (Body, Option<Bytes>) {
        match self.length.checked_sub(1) {
            None => (self, None),
            Some(length) => (Body { length, ..self }, Some(self.bytes(length, 1))),
        }
    }

    /// The pieces, the first few of them with pauses between.
    pub fn pieces(self) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static {
        stream::unfold(0, move |start| async move {
            let next = self.piece.min(self.length - start);
            if next == 0 {
                return None;
            }
            if start > 0 && start < 3 * self.piece {
                tokio::time::sleep(Duration::from_micros(300)).await;
            }
            Some((Ok(self.bytes(start, next)), start + next))
        })
    }
}

/// The same numbers for the same seed (SplitMix64).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64, number: u64) -> Random {
        let mut random = Random(seed ^ number.wrapping_mul(0xd134_2543_de82_ef95));
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}
