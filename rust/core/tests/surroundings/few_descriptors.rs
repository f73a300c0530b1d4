//! A process with few descriptors, and peers that stay connected: lingering closes give theirs up.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use stream_socket::{
    Address, BindAddress, Connection, Group, ListenOptions, Listener, Options, Status, Target,
    Visit,
};

use crate::support::*;

/// The default of macOS.
const FEW: u64 = 256;

/// More connections than there are descriptors.
const MANY: usize = 400;

/// Runs the test `child` of this module with `argument` in a process of its own, and asserts that
/// it passes.
fn run(child: &str, argument: &str) {
    let mut child = spawn_test(&format!("few_descriptors::{child}"), argument);
    // It reads nothing.
    drop(child.stdin.take());
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
}

fn set_limit(count: u64) {
    let limit = libc::rlimit {
        rlim_cur: count,
        rlim_max: count,
    };
    // SAFETY: The kernel reads the structure only.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
}

/// Raises the descriptor limit far enough for these tests. If that fails, a line reports that
/// `test` is skipped.
fn can_hold_many(test: &str) -> bool {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: The kernel reads and writes the structure only.
    let has_many = unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit);
        limit.rlim_cur = limit.rlim_max.min(8192);
        limit.rlim_cur >= 4096 && libc::setrlimit(libc::RLIMIT_NOFILE, &limit) == 0
    };
    if !has_many {
        skipped(test, "this process may have too few descriptors");
    }
    has_many && can_start_itself(test)
}

fn open_files(count: usize) -> std::io::Result<Vec<File>> {
    let own = std::env::current_exe().unwrap();
    (0..count).map(|_| File::open(&own)).collect()
}

/// Runs `body` beside a server that accepts connections and never closes them, as a server that
/// hangs.
fn never_closing(body: impl FnOnce(SocketAddr)) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut kept = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok(accepted) => kept.push(accepted),
                    Err(_) => std::thread::sleep(Duration::from_millis(1)),
                }
            }
        });
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| body(address)));
        is_over.store(true, Ordering::Relaxed);
        outcome.unwrap();
    });
}

/// More than the kernel takes at once, if its buffer is small.
const LAST_WORDS: usize = 300_000;

/// Writes more to `connection` than is sent at once.
fn queue_last_words(connection: &Connection) {
    let small = |options: &mut Options| options.send_buffer_size = Some(4096);
    connection.set_options(small).unwrap();
    connection.set_queue_limit(LAST_WORDS);
    connection.write_fully(&pattern(LAST_WORDS)).unwrap();
    assert!(connection.pending_bytes() > 0);
}

/// Connects to `address`, sends something, and drops the connection.
fn visit(address: SocketAddr) {
    let client = connected(&Address::Inet(address));
    write(&client, b"hello\n").unwrap();
}

/// A listener, whose port is written to `file`.
fn listen_and_announce(file: &str) -> Listener {
    let listener = Listener::new();
    let any = "127.0.0.1:0".parse().unwrap();
    listener.listen(&any, ListenOptions::new(1024)).unwrap();
    std::fs::write(file, listener.local_port().to_string()).unwrap();
    listener
}

/// The process that connects many times. Its argument is the number of other files that it has
/// open.
#[test]
fn child_that_connects_often() {
    let Some(argument) = argument() else { return };
    let (address, others) = argument.split_once(' ').unwrap();
    set_limit(FEW);
    let _others = open_files(others.parse().unwrap()).unwrap();
    let address = address.parse().unwrap();
    for count in 0..MANY {
        visit(address);
        // Other files can be opened at any time.
        if let Err(error) = open_files(8) {
            panic!("after {count} visits: {error}");
        }
    }
    let group = Group::new();
    let listener = Listener::new();
    let any = "127.0.0.1:0".parse().unwrap();
    listener.listen(&any, ListenOptions::new(5)).unwrap();
    group.add(&listener);
    group.poll(Some(Duration::ZERO), |_| Visit::Idle);
}

#[test]
fn a_server_that_never_closes_costs_no_connects() {
    if !can_hold_many("a_server_that_never_closes_costs_no_connects") {
        return;
    }
    for others in [0, 40, 150, 200] {
        never_closing(|address| run("child_that_connects_often", &format!("{address} {others}")));
    }
}

/// A process whose only free descriptors have low numbers.
#[test]
fn child_with_few_low_descriptors() {
    let Some(argument) = argument() else { return };
    const FREE: usize = 9;
    set_limit(FEW);
    let address = argument.parse().unwrap();
    let mut others = Vec::new();
    while let Ok(file) = open_files(1) {
        others.extend(file);
    }
    others.drain(..FREE);
    for count in 0..MANY / 10 {
        visit(address);
        if let Err(error) = open_files(4) {
            panic!("after {count} visits: {error}");
        }
    }
}

/// The number of a new socket does not show how many descriptors are free.
#[test]
fn few_low_descriptors_are_enough_for_many_connects() {
    if !can_hold_many("few_low_descriptors_are_enough_for_many_connects") {
        return;
    }
    never_closing(|address| run("child_with_few_low_descriptors", &address.to_string()));
}

/// The server that disconnects clients, which stay connected.
#[test]
fn child_that_serves() {
    let Some(argument) = argument() else { return };
    set_limit(FEW);
    let listener = listen_and_announce(&argument);
    for _ in 0..MANY {
        let client = until("a client", || listener.accept().unwrap());
        write(&client, b"you are kicked").unwrap();
        client.disconnect();
    }
    let good = until("the last client", || listener.accept().unwrap());
    write(&good, b"welcome").unwrap();
    assert_eq!(read(&good, 5).unwrap(), b"thank");
}

#[test]
fn clients_that_stay_connected_do_not_exclude_others() {
    if !can_hold_many("clients_that_stay_connected_do_not_exclude_others") {
        return;
    }
    let directory = TemporaryDirectory::new();
    let file = directory.file("port");
    let clients = std::thread::spawn({
        let file = file.clone();
        move || {
            let port: u16 = until("the server", || {
                std::fs::read_to_string(&file).ok()?.parse().ok()
            });
            let connect = || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
            let kicked: Vec<_> = (0..MANY).map(|_| connect()).collect();
            let good = connected(&Address::Inet((Ipv4Addr::LOCALHOST, port).into()));
            assert_eq!(read(&good, 7).unwrap(), b"welcome");
            write(&good, b"thank").unwrap();
            drop(kicked);
        }
    });
    run("child_that_serves", file.to_str().unwrap());
    clients.join().unwrap();
}

/// A process that needs its descriptors for other files, after it has closed many connections.
#[test]
fn child_that_opens_files() {
    let Some(address) = argument() else { return };
    set_limit(FEW);
    let address: SocketAddr = address.parse().unwrap();
    for _ in 0..100 {
        // A connection with unsent data is kept for half a minute.
        queue_last_words(&connected(&Address::Inet(address)));
    }
    let mut files = Vec::new();
    // As soon as few descriptors are left, lingering closes give theirs up.
    while files.len() < 220 {
        files.extend(until("a descriptor", || open_files(1).ok()));
    }
    // The library finds a descriptor for itself at once.
    visit(address);
}

#[test]
fn the_program_can_open_files_after_disconnects() {
    if !can_hold_many("the_program_can_open_files_after_disconnects") {
        return;
    }
    never_closing(|address| run("child_that_opens_files", &address.to_string()));
}

/// The process whose descriptors are all in use, some by lingering closes.
#[test]
fn child_without_descriptors() {
    let Some(argument) = argument() else { return };
    let (address, folder) = argument.split_once(' ').unwrap();
    let folder = Path::new(folder);
    let address: SocketAddr = address.parse().unwrap();
    set_limit(FEW);
    let waiting = Listener::new();
    let any = "127.0.0.1:0".parse().unwrap();
    waiting.listen(&any, ListenOptions::new(64)).unwrap();
    let of_waiting = SocketAddr::from((Ipv4Addr::LOCALHOST, waiting.local_port()));
    let stale = folder.join("stale");
    drop(std::os::unix::net::UnixListener::bind(&stale).unwrap());
    type Use<'a> = Box<dyn Fn() + 'a>;
    let uses: [Use<'_>; 7] = [
        Box::new(|| drop(connected(&Address::Inet(address)))),
        Box::new(|| drop(Connection::pair().unwrap())),
        Box::new(|| {
            let listener = Listener::new();
            listener.listen(&any, ListenOptions::new(5)).unwrap();
        }),
        Box::new(|| {
            let listener = Listener::new();
            let path = BindAddress::Unix(stale.clone());
            listener
                .listen(&path, ListenOptions::new(5).with_mode(0o600))
                .unwrap();
            assert!(listener.is_listening());
            // Leaves a stale file for the next use.
            drop(listener);
            drop(std::os::unix::net::UnixListener::bind(&stale).unwrap());
        }),
        Box::new(|| {
            let client = Connection::new();
            let target = Target::new("localhost", address.port()).unwrap();
            client.connect(target, None, Instant::now()).unwrap();
            until_status(&client, Status::Connected).unwrap();
        }),
        Box::new(|| drop(waiting.accept().unwrap().expect("a client waits"))),
        Box::new(|| {
            let group = Group::new();
            group.add(&waiting);
            group.poll(Some(Duration::ZERO), |_| Visit::Idle);
        }),
    ];
    let _outside: Vec<_> = (0..2)
        .map(|_| TcpStream::connect(of_waiting).unwrap())
        .collect();
    for (index, body) in uses.iter().enumerate() {
        for _ in 0..40 {
            visit(address);
        }
        let mut files = Vec::new();
        while let Ok(file) = open_files(1) {
            files.extend(file);
        }
        // One descriptor is left for std's listener in this use.
        files.truncate(files.len() - usize::from(index == 3));
        body();
    }
}

#[test]
fn every_open_of_the_library_finds_descriptors() {
    if !can_hold_many("every_open_of_the_library_finds_descriptors") {
        return;
    }
    let directory = TemporaryDirectory::new();
    let folder = directory.0.display().to_string();
    never_closing(|address| run("child_without_descriptors", &format!("{address} {folder}")));
}

/// The server that drops many clients at once, each with unsent data.
#[test]
fn child_that_drops_its_clients() {
    let Some(argument) = argument() else { return };
    set_limit(FEW);
    let listener = listen_and_announce(&argument);
    let clients: Vec<Connection> = (0..GUESTS)
        .map(|_| until("a client", || listener.accept().unwrap()))
        .collect();
    for client in clients {
        queue_last_words(&client);
    }
    // The clients are dropped. The other side reads from now on.
    std::fs::write(&argument, "left").unwrap();
    std::io::Read::read(&mut std::io::stdin(), &mut [0]).unwrap();
}

/// More than lingering closes may keep for long, and fewer than there are descriptors.
const GUESTS: usize = 150;

/// The connections already had their descriptors, so none are missing.
#[test]
fn data_for_many_clients_is_delivered() {
    if !can_hold_many("data_for_many_clients_is_delivered") {
        return;
    }
    let directory = TemporaryDirectory::new();
    let file = directory.file("port");
    let child = spawn_test(
        "few_descriptors::child_that_drops_its_clients",
        file.to_str().unwrap(),
    );
    let content = || std::fs::read_to_string(&file).ok();
    let port: u16 = until("the server", || content()?.parse().ok());
    let guests: Vec<_> = (0..GUESTS)
        .map(|_| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap())
        .collect();
    until("the clients are dropped", || {
        (content()? == "left").then_some(())
    });
    for mut guest in guests {
        let mut count = 0;
        let mut block = vec![0; 1 << 20];
        while count < LAST_WORDS {
            count += std::io::Read::read(&mut guest, &mut block).unwrap();
        }
    }
    // This closes its standard input.
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
}
