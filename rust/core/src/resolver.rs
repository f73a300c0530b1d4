//! Looking up names without waiting for the answer.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, Weak};

use crate::background;
use crate::lock::lock;

/// A question to the system's resolver. Dropping it cancels it: an answer that comes later is thrown away, and a
/// question that has not been asked yet never is.
#[derive(Debug)]
pub(crate) struct Lookup {
    answer: Arc<Mutex<Option<Answer>>>,
}

type Answer = io::Result<Vec<SocketAddr>>;

impl Lookup {
    /// Asks for the addresses of `host`. Answers come from the system each time (hosts file, name servers, mDNS,
    /// whatever it is set up for); how long they are remembered is the system's decision too.
    pub(crate) fn start(host: String, port: u16) -> Lookup {
        let answer = Arc::new(Mutex::new(None));
        let slot: Weak<Mutex<Option<Answer>>> = Arc::downgrade(&answer);
        background::LOOKUPS.run(move || {
            if slot.strong_count() == 0 {
                return;
            }
            let found = ask(&host, port);
            if let Some(slot) = slot.upgrade() {
                *lock(&slot) = Some(found);
            }
        });
        Lookup { answer }
    }

    /// The answer, once it is there.
    pub(crate) fn take(&self) -> Option<Answer> {
        let mut answer = lock(&self.answer);
        // Without a thread to ask, the question was dropped.
        if answer.is_none() && Arc::weak_count(&self.answer) == 0 {
            return Some(Err(io::ErrorKind::OutOfMemory.into()));
        }
        answer.take()
    }
}

fn ask(host: &str, port: u16) -> Answer {
    let addresses: Vec<_> = (host, port).to_socket_addrs()?.collect();
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "no address"));
    }
    Ok(addresses)
}
