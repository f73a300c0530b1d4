//! A call that does not wait does a bounded amount of work. A call that waits seldom wastes a
//! busy-wait. These tests have a program of their own and run one at a time: they measure processor
//! time.
#![cfg(target_os = "linux")]

mod support;

use std::io::{Read, Write};
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};
use stream_socket::{Connection, Options};

use support::*;

for_each_family!(
    receiving_everything_ends_despite_a_fast_sender,
    searching_for_a_line_ends_despite_a_fast_sender,
);

/// More than the kernel buffers between two sockets.
fn buffers(family: AddressFamily) -> usize {
    match family {
        AddressFamily::Unix => 2 << 20,
        _ => 24 << 20,
    }
}

/// Repeats `call` while a thread sends as fast as it can. The sender counts the bytes that it sends
/// during a call. The kernel buffers bound that count if the call receives only what was there when
/// it began. A call that follows the sender without a bound ends too, because the stream is finite.
fn while_flooded(family: AddressFamily, call: impl Fn(&Connection)) {
    let _only = only_test();
    let (connection, peer) = raw_peer(family);
    // A fixed size: the kernel does not enlarge the buffer.
    let limit = |options: &mut Options| options.receive_buffer_size = Some(1 << 20);
    connection.set_options(limit).unwrap();
    let stream = 256 << 20;
    let (sent, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            let block = pattern(256 << 10);
            let mut peer = &peer;
            while sent.load(Ordering::Relaxed) < stream {
                match peer.write(&block) {
                    Ok(count) => sent.fetch_add(count, Ordering::Relaxed),
                    Err(_) => break,
                };
            }
            is_over.store(true, Ordering::Relaxed);
        });
        let mut most = 0;
        for _ in 0..1000 {
            until("something comes", || {
                let is_over = is_over.load(Ordering::Relaxed);
                (is_over || connection.available()? > 0).then_some(())
            });
            let before = sent.load(Ordering::Relaxed);
            call(&connection);
            most = most.max(sent.load(Ordering::Relaxed) - before);
            if most > buffers(family) {
                break;
            }
        }
        connection.abort();
        assert!(
            most <= buffers(family),
            "{most} bytes were sent during one call"
        );
    });
}

fn receiving_everything_ends_despite_a_fast_sender(family: AddressFamily) {
    while_flooded(family, |connection| {
        let take = |bytes: &[u8]| bytes.len();
        connection.try_read_with(usize::MAX, take).unwrap();
    });
}

fn searching_for_a_line_ends_despite_a_fast_sender(family: AddressFamily) {
    while_flooded(family, |connection| {
        let found = connection
            .read_until(b"it never comes", usize::MAX, |_| ())
            .unwrap();
        assert!(found.is_none());
        // Makes room for more.
        connection.try_read_with(4 << 20, |_| ()).unwrap();
    });
}

/// The processor time that this thread has used, in user mode and in the kernel.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The length of the first line, if all of it was received.
fn line(connection: &Connection) -> Option<usize> {
    connection
        .read_until(b"\n", usize::MAX, <[u8]>::len)
        .unwrap()
}

/// The processor time for a line of `length` bytes that arrives in pieces, with a search after each
/// piece.
fn cost_of_line(length: usize) -> Duration {
    const PIECE: usize = 4 << 10;
    let (connection, mut peer) = raw_peer(AddressFamily::Unix);
    let piece = vec![b'x'; PIECE];
    let mut cost = Duration::ZERO;
    for _ in 0..length / PIECE {
        peer.write_all(&piece).unwrap();
        let start = processor_time();
        assert_eq!(line(&connection), None);
        cost += processor_time() - start;
    }
    peer.write_all(b"\n").unwrap();
    let start = processor_time();
    assert_eq!(line(&connection), Some(length + 1));
    cost + (processor_time() - start)
}

/// Eight times the length costs about eight times as much, not 64 times.
#[test]
fn a_long_line_in_pieces_is_searched_once() {
    let _only = only_test();
    let cheapest = |length| (0..3).map(|_| cost_of_line(length)).min().unwrap();
    let (short, long) = (cheapest(1 << 20), cheapest(8 << 20));
    assert!(long < 24 * short, "{short:?} for 1 MiB, {long:?} for 8 MiB");
}

/// While the peer reads as fast as it can, a disconnect could send the queue to its end. The
/// disconnect is compared with the cost of sending a quarter of the queue on this thread.
#[test]
fn a_disconnect_sends_a_bounded_part_to_a_fast_reader() {
    let _only = only_test();
    const MUCH: usize = 256 << 20;
    for family in [AddressFamily::Unix, AddressFamily::Ipv4] {
        let (connection, mut peer) = raw_peer(family);
        connection.set_queue_limit(MUCH);
        connection.write_fully(&vec![7; MUCH]).unwrap();
        let is_reading = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut block = vec![0; 4 << 20];
                while peer.read(&mut block).is_ok_and(|count| count > 0) {
                    is_reading.store(true, Ordering::Relaxed);
                }
            });
            until("the peer reads", || {
                is_reading.load(Ordering::Relaxed).then_some(())
            });
            // Sends a quarter.
            let begin = processor_time();
            while connection.pending_bytes() > MUCH / 4 * 3 {
                let _ = connection.flush_queue();
            }
            let quarter = processor_time() - begin;
            let begin = processor_time();
            connection.disconnect();
            let disconnect = processor_time() - begin;
            assert!(
                disconnect < quarter,
                "{family:?}: the disconnect took {disconnect:?}, a quarter of the queue {quarter:?}"
            );
        });
    }
}

/// From now on this thread, and those that it starts, use one core only.
fn use_one_core() {
    let usable = sched_getaffinity(None).unwrap();
    let first = (0..CpuSet::MAX_CPU).find(|&cpu| usable.is_set(cpu));
    let mut one = CpuSet::new();
    one.set(first.unwrap());
    sched_setaffinity(None, &one).unwrap();
}

/// The peer of a busy-waiting reader cannot run on the only core, so every busy-wait is wasted.
/// Every second answer is too long for a busy-wait: those exchanges are the baseline, under the
/// same noise.
#[test]
fn a_reader_on_the_core_of_its_peer_rarely_busy_waits() {
    let _only = only_test();
    /// The number of exchanges with each kind of answer.
    const TRIPS: usize = 4000;
    /// A quarter of a busy-wait.
    const MUCH: Duration = Duration::from_micros(5);
    let (one, other) = Connection::pair().unwrap();
    let answer = |number: u32| number.to_be_bytes().repeat([1, 512][number as usize % 2]);
    let exchanges = || {
        use_one_core();
        thread::scope(|scope| {
            scope.spawn(|| {
                while let Ok(request) = read(&other, 4) {
                    let number = u32::from_be_bytes(request.try_into().unwrap());
                    write(&other, &answer(number)).unwrap();
                }
            });
            let mut buffer = [MaybeUninit::uninit(); 2048];
            let mut costs = [Vec::new(), Vec::new()];
            for number in 0..2 * TRIPS as u32 {
                let expected = answer(number);
                let start = processor_time();
                write(&one, &number.to_be_bytes()).unwrap();
                // A `read_fully` busy-waits for the beginning of a long answer too.
                one.read_fully_or_nothing(&mut buffer[..expected.len()])
                    .unwrap();
                costs[number as usize % 2].push(processor_time() - start);
                // SAFETY: The read has filled this part.
                let received = unsafe { buffer[..expected.len()].assume_init_ref() };
                assert_eq!(received, expected);
            }
            one.disconnect();
            costs
        })
    };
    let [short, mut long] = thread::scope(|scope| scope.spawn(exchanges).join().unwrap());
    long.sort_unstable();
    let usual = long[TRIPS / 2];
    let expensive = |costs: &[Duration]| costs.iter().filter(|&&cost| cost > usual + MUCH).count();
    let (short, long) = (expensive(&short), expensive(&long));
    assert!(
        short < long + TRIPS / 8,
        "{short} of {TRIPS} short answers were expensive, but only {long} of as many long ones"
    );
}
