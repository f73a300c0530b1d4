//! What names the things of the world.

/// What names a thing of the world, or what a thread waits for.
pub(super) type Id = u64;

/// What waits for the resolver waits for this.
pub(super) const RESOLVER: Id = 2;
