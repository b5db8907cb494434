//! Whether a body that came is the one that was sent.

use crate::exchange::Body;

/// Looks at a body as it comes.
#[derive(Debug)]
pub struct Judge {
    body: Body,
    /// What its head says that it has, which somebody on the way may have
    /// changed.
    said: Option<u64>,
    came: u64,
    wrong: Option<u64>,
}

/// What is to be said of a body that has come to its end.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the one that was sent, as far as its own head says.
    Right,
    /// It looks whole, and is not.
    Wrong(String),
}

impl Judge {
    /// One for `body`, of which the head says that it has `said` bytes.
    pub fn new(body: Body, said: Option<u64>) -> Judge {
        Judge {
            body,
            said,
            came: 0,
            wrong: None,
        }
    }

    /// A piece of it came.
    pub fn piece(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte != self.body.byte(self.came) && self.wrong.is_none() {
                self.wrong = Some(self.came);
            }
            self.came += 1;
        }
    }

    /// A piece with a wrong byte came, though the body may have ended by an
    /// error. Where somebody has changed the size of a chunk, that is so before
    /// anybody can know it.
    pub fn broken(&self) -> Option<String> {
        self.said.and_then(|_| self.wrong())
    }

    fn wrong(&self) -> Option<String> {
        let at = self.wrong?;
        Some(format!("byte {at} of {} is wrong", self.body.length))
    }

    /// It came to its end.
    pub fn end(&self) -> Verdict {
        let length = self.said.unwrap_or(self.body.length);
        match self.wrong() {
            Some(wrong) => Verdict::Wrong(wrong),
            None if self.came != length => {
                Verdict::Wrong(format!("{} bytes of {length} look whole", self.came))
            }
            None => Verdict::Right,
        }
    }
}
