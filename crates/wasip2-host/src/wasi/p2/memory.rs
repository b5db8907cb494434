//! How much memory a guest may have.

use wasmtime::{ResourceLimiter, Result};

use super::denial::{Denials, Right};

/// The limit of one guest.
#[derive(Debug)]
pub struct Memory {
    /// For all its memories together, in bytes.
    pub most: usize,
    /// What they have.
    taken: usize,
    /// Where a denial is noted.
    denials: Denials,
}

impl Memory {
    /// No limit.
    pub fn unlimited(denials: Denials) -> Memory {
        Memory {
            most: usize::MAX,
            taken: 0,
            denials,
        }
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let wanted = self.taken.saturating_add(desired - current);
        if wanted > self.most {
            self.denials.note(Right::Memory, || {
                format!(
                    "memory beyond {} MiB (it asked for {} MiB in all)",
                    self.most >> 20,
                    wanted.div_ceil(1 << 20)
                )
            });
            return Ok(false);
        }
        self.taken = wanted;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool> {
        Ok(true)
    }
}
