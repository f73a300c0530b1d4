//! Where the readiness words of all connections are: next to each other, eight to a cache line. So
//! polling thousands of idle connections reads few lines, and a word costs no allocation.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
// Changed with the slab locked. The words themselves are the atomics of `sync`.
use std::sync::atomic::{AtomicU64, Ordering};

use crate::poll::readiness::Readiness;
use crate::sync::{Mutex, ProcessWide, lock};

static SLAB: ProcessWide<Mutex<Slab>> = ProcessWide::new(Mutex::default);

/// The number of words in a block: one for each bit of [`Block::free`].
const BLOCK: usize = u64::BITS as usize;

/// The blocks that have a free word, in the order in which they got one. A full block is kept alive
/// by its connections only; the first word that is returned re-opens it.
#[derive(Debug, Default)]
struct Slab {
    open: Vec<Arc<Block>>,
}

struct Block {
    words: [Readiness; BLOCK],
    /// A bit for each word that no connection has.
    free: AtomicU64,
}

/// The word of one connection, which is free again when this is dropped.
pub(crate) struct OwnReadiness(ReadinessRef);

/// A reference to the word of a connection, for those that notify it. Keeps the block alive, but
/// does not reserve the word. A late notification reaches the connection that now has the word,
/// which then probes once for nothing.
#[derive(Clone)]
pub(crate) struct ReadinessRef {
    block: Arc<Block>,
    index: u8,
}

impl Slab {
    /// Takes a free word.
    fn take(&mut self) -> ReadinessRef {
        if self.open.is_empty() {
            self.open.push(Arc::default());
        }
        let last = self.open.len() - 1;
        let block = self.open[last].clone();
        let free = block.free.load(Ordering::Relaxed);
        debug_assert!(free != 0, "a full block is open");
        let left = free & (free - 1);
        block.free.store(left, Ordering::Relaxed);
        if left == 0 {
            self.open.pop();
        }
        let index = free.trailing_zeros() as u8;
        ReadinessRef { block, index }
    }

    /// Returns a word. Frees the memory of its block if that has no other word in use, and another
    /// block is open.
    fn give_back(&mut self, word: &ReadinessRef) {
        let bit = 1 << word.index;
        let free = word.block.free.load(Ordering::Relaxed);
        debug_assert_eq!(free & bit, 0, "a word is returned once");
        word.block.free.store(free | bit, Ordering::Relaxed);
        if free == 0 {
            self.open.push(word.block.clone());
        } else if free | bit == u64::MAX
            && self.open.len() > 1
            && let Some(at) = self
                .open
                .iter()
                .position(|block| Arc::ptr_eq(block, &word.block))
        {
            self.open.remove(at);
        }
    }
}

impl Default for Block {
    fn default() -> Block {
        Block {
            words: std::array::from_fn(|_| Readiness::default()),
            free: AtomicU64::new(u64::MAX),
        }
    }
}

impl Default for OwnReadiness {
    fn default() -> OwnReadiness {
        let word = lock(SLAB.get()).take();
        word.clear();
        OwnReadiness(word)
    }
}

impl Drop for OwnReadiness {
    fn drop(&mut self) {
        // A forked child returns the words of inherited connections to its own slab.
        lock(SLAB.get()).give_back(&self.0);
    }
}

impl OwnReadiness {
    /// A reference for a poller or a group.
    pub(crate) fn share(&self) -> ReadinessRef {
        self.0.clone()
    }
}

impl Deref for OwnReadiness {
    type Target = Readiness;

    #[inline]
    fn deref(&self) -> &Readiness {
        &self.0
    }
}

impl Deref for ReadinessRef {
    type Target = Readiness;

    #[inline]
    fn deref(&self) -> &Readiness {
        &self.block.words[usize::from(self.index) % BLOCK]
    }
}

impl fmt::Debug for OwnReadiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ReadinessRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let free = self.free.load(Ordering::Relaxed);
        f.debug_struct("Block").field("free", &free).finish()
    }
}

#[cfg(test)]
#[cfg(not(stream_socket_simulated))]
mod tests {
    use super::*;

    #[test]
    fn words_are_distinct_and_beside_each_other() {
        let mut slab = Slab::default();
        let words: Vec<ReadinessRef> = (0..3 * BLOCK).map(|_| slab.take()).collect();
        let address = |word: &ReadinessRef| std::ptr::from_ref::<Readiness>(word) as usize;
        let mut addresses: Vec<usize> = words.iter().map(address).collect();
        let in_order = addresses[..BLOCK].iter().zip(&addresses[1..BLOCK]);
        assert!(in_order.clone().all(|(one, next)| next - one == 8));
        addresses.sort_unstable();
        addresses.dedup();
        assert_eq!(addresses.len(), words.len());
        assert!(slab.open.is_empty(), "full blocks are not kept");
    }

    #[test]
    fn a_returned_word_is_taken_again_and_an_empty_block_is_freed() {
        let mut slab = Slab::default();
        let words: Vec<ReadinessRef> = (0..3 * BLOCK).map(|_| slab.take()).collect();
        slab.give_back(&words[BLOCK + 7]);
        let again = slab.take();
        assert!(Arc::ptr_eq(&again.block, &words[BLOCK + 7].block));
        assert_eq!(again.index, 7);
        let blocks: Vec<_> = [0, BLOCK, 2 * BLOCK]
            .map(|at| Arc::downgrade(&words[at].block))
            .into();
        // In turns, so that all three blocks are open until the end.
        for index in 0..BLOCK {
            for block in 0..3 {
                slab.give_back(&words[block * BLOCK + index]);
            }
        }
        drop((words, again));
        assert_eq!(slab.open.len(), 1);
        let kept = blocks.iter().filter(|block| block.strong_count() > 0);
        assert_eq!(kept.count(), 1);
    }

    #[test]
    fn the_next_connection_with_a_word_finds_it_cleared() {
        let own = OwnReadiness::default();
        own.begin_probe(7);
        assert!(own.settle(7));
        let late = own.share();
        drop(own);
        // Other tests take words as well, so the same one may go to one of them.
        let next = OwnReadiness::default();
        assert!(!next.is_quiet(7));
        late.notify();
        assert!(!next.is_quiet(7));
    }
}
