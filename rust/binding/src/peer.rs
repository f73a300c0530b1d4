//! `StreamPeerSocketRs`: what the peers have in common, and the one struct behind them.

use std::sync::Arc;

use godot::classes::StreamPeerExtension;
use godot::global::Error;
use godot::obj::{Base, Gd};
use godot::prelude::{GodotClass, godot_api, godot_error};
use stream_socket::{Address, ConnectError, Connection};

use crate::bridge::family::Class;
use crate::bridge::instance;
use crate::error::connect_code;
use crate::settings;

/// The struct behind the peer classes; which one an object is of, the bridge has decided when it made it.
#[derive(GodotClass)]
#[class(tool, init, base = StreamPeerExtension)]
pub struct StreamPeerSocketRs {
    #[init(val = new_connection())]
    pub(crate) connection: Arc<Connection>,
    base: Base<StreamPeerExtension>,
}

fn new_connection() -> Arc<Connection> {
    let connection = Arc::new(Connection::new());
    instance::announce(&connection);
    connection
}

/// `poll` and `get_status` are here for their signatures: the bridge answers them itself, faster.
#[godot_api]
impl StreamPeerSocketRs {
    #[func]
    fn poll(&self) -> Error {
        unreachable!("the bridge answers it")
    }

    #[func]
    fn get_status(&self) -> i64 {
        unreachable!("the bridge answers it")
    }

    #[func]
    fn disconnect_from_host(&self) {
        self.connection.disconnect();
    }
}

impl StreamPeerSocketRs {
    /// The peer object of an accepted connection.
    pub(crate) fn from_accepted(class: &'static Class, connection: Connection) -> Gd<Self> {
        instance::new_object(class, |base| {
            let connection = Arc::new(connection);
            instance::announce(&connection);
            Self { connection, base }
        })
    }

    /// Connects to one of `addresses`, with the words and the codes of the engine.
    pub(crate) fn connect(&self, addresses: Vec<Address>) -> Error {
        let limit = match addresses.first() {
            Some(Address::Unix(_)) => settings::unix_connect_timeout(),
            _ => settings::tcp_connect_timeout(),
        };
        let started = self
            .connection
            .connect(addresses, limit, std::time::Instant::now());
        match started {
            Ok(()) => Error::OK,
            Err(error @ ConnectError::AlreadyConnected) => misuse(connect_code(&error), &error),
            Err(error) => {
                godot_error!("Connection to remote host failed! {error}");
                connect_code(&error)
            }
        }
    }
}

/// Prints what a call was wrong about, as the engine does, and gives the code to return.
pub(crate) fn misuse(code: Error, what: &dyn std::fmt::Display) -> Error {
    godot_error!("{what}");
    code
}
