//! A delayed reader takes nothing from the next connection of the same object.

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::thread;
use std::time::Duration;

use stream_socket::{ReadError, ReadFailure};

use crate::support::*;

for_each_family!(a_delayed_reader_takes_nothing_from_the_next_connection,);

static HELD: AtomicI32 = AtomicI32::new(0);

static GO_ON: AtomicBool = AtomicBool::new(false);

/// Blocks the thread until it may continue.
extern "C" fn pause(_: libc::c_int) {
    HELD.fetch_add(1, Ordering::SeqCst);
    while !GO_ON.load(Ordering::SeqCst) {
        std::hint::spin_loop();
    }
}

/// The reading thread is held up while another one disconnects and connects again.
fn a_delayed_reader_takes_nothing_from_the_next_connection(family: AddressFamily) {
    let _only = only_test();
    HELD.store(0, Ordering::SeqCst);
    GO_ON.store(false, Ordering::SeqCst);
    // SAFETY: The handler uses atomic numbers only.
    unsafe { libc::signal(libc::SIGUSR1, pause as *const () as usize) };
    let server = Server::new(family);
    let connection = connected(&server.address);
    let _first = server.accept();
    let connection = &connection;
    thread::scope(|scope| {
        let (sender, receiver) = std::sync::mpsc::channel();
        let reader = asleep(scope, move || {
            // SAFETY: No preconditions.
            sender.send(unsafe { libc::pthread_self() }).unwrap();
            let mut buffer = [MaybeUninit::uninit(); 10];
            connection.read_fully(&mut buffer)
        });
        // SAFETY: The thread is alive.
        unsafe { libc::pthread_kill(receiver.recv().unwrap(), libc::SIGUSR1) };
        until("the reader is held up", || {
            (HELD.load(Ordering::SeqCst) == 1).then_some(())
        });
        connection.disconnect();
        connect(connection, &server.address);
        let second = server.accept();
        second.write_fully(b"of the second").unwrap();
        until("the data", || {
            connection
                .poll(std::time::Instant::now)
                .unwrap()
                .then_some(())
        });
        GO_ON.store(true, Ordering::SeqCst);
        let ReadFailure {
            error,
            received: count,
            ..
        } = reader.join().unwrap().unwrap_err();
        assert!(matches!(error, ReadError::Disconnected));
        connection.set_read_timeout(Some(Duration::from_secs(2)));
        let rest = try_read(connection, 100).unwrap();
        assert_eq!(
            (count, String::from_utf8_lossy(&rest).as_ref()),
            (0, "of the second"),
            "the reader of the first connection has taken bytes of the second"
        );
    });
}
