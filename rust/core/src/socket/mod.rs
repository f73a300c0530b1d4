//! Open sockets, their options, and the files of Unix domain sockets.

pub(crate) mod options;
pub(crate) mod socket_file;
pub(crate) mod stream_socket;
