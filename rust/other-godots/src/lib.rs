//! Imitates Godots with other build options, as the extension sees them.
//!
//! Godot loads this library instead of the extension's library, which is in the same folder. This
//! library then loads the extension's library with a `get_proc_address` that answers as the
//! imitated Godot would. Each entry symbol imitates one Godot. `cargo xtask test` loads each of
//! them (`rust/xtask/src/other_godots.rs`).

#![cfg(unix)]

mod builds;
mod functions;
mod real;

/// Defines the entry symbols, each with the Godot that it imitates.
macro_rules! entries {
    ($($entry:ident: $build:ident;)*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $entry(
            get_proc_address: real::GetProcAddress,
            library: real::Pointer,
            init: real::Pointer,
        ) -> u8 {
            real::set(&builds::$build, get_proc_address);
            // SAFETY: Godot calls this as the entry of a library.
            unsafe { functions::load(library, init) }
        }
    )*};
}

entries! {
    as_it_is: AS_IT_IS;
    without_3d: WITHOUT_3D;
    without_peers: WITHOUT_PEERS;
    without_has_connections: WITHOUT_HAS_CONNECTIONS;
    without_deprecated: WITHOUT_DEPRECATED;
    of_4_3: OF_4_3;
    of_double_precision: OF_DOUBLE_PRECISION;
}
