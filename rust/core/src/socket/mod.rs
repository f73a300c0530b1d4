//! Addresses, sockets, their options and their files.

pub(crate) mod options;
pub(crate) mod socket_file;
pub(crate) mod stream_socket;
