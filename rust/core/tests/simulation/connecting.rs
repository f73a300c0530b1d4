//! Programs that connect, in vain too.
