//! The programs. Each seed chooses one.

use std::sync::Arc;
use std::time::Duration;

use stream_socket::simulated::control::{self as world, Fault, Summary};

use super::exchange::{End, Exchange};
use super::raw::Leaving;
use super::simulated::Simulated;
use super::system::Random;
use super::trace::{self, note};
use super::{
    closing_writers, connecting, event_loops, forks, groups, listeners, reconnects, relays,
    shared_polls, stale_paths, websockets,
};

/// One in this many programs uses WebSockets.
const WEBSOCKETS_ONCE_IN: u64 = 8;

/// Runs the program of `seed` in the world of `seed`.
pub fn run(seed: u64) -> Summary {
    trace::begin();
    world::run(seed, move || {
        let mut random = Random::new(seed ^ 0x00C0_FFEE);
        // Numbers of their own, so that the other seeds keep their programs.
        let is_websockets = Random::new(seed ^ 0x6455).once_in(WEBSOCKETS_ONCE_IN);
        match random.below(20) {
            _ if is_websockets => {
                set_mild_faults(&mut random);
                websockets::run(random);
            }
            0..=2 => exchange_alone(random),
            3..=4 => exchange_in_threads(random),
            16 | 17 => event_loops_alone(random),
            18 | 19 => event_loops_in_threads(random),
            program => {
                set_mild_faults(&mut random);
                match program {
                    5 => reconnects::run(random),
                    6 => shared_polls::run(random),
                    7 | 8 => closing_writers::run(random),
                    9 | 10 => connecting::run(random),
                    11 => listeners::run(random),
                    12 => stale_paths::run(random),
                    13 => forks::run(random),
                    14 => relays::run(random),
                    _ => groups::run(random),
                }
            }
        }
        world::clear_faults();
        stream_socket::process::shut_down();
        // The shutdown does not wait for lookups, so this does.
        for _ in 0..100 {
            if world::count_open().threads > 0 {
                world::sleep(Duration::from_millis(1));
            }
        }
        let open = world::count_open();
        assert_eq!(
            open,
            world::OpenCounts::default(),
            "something was not closed"
        );
    })
}

/// Injects faults that the library has to hide.
fn set_mild_faults(random: &mut Random) {
    for fault in [
        Fault::ShortSend,
        Fault::ShortReceive,
        Fault::SpuriousWakeup,
        Fault::SpuriousEvent,
    ] {
        if random.once_in(2) {
            let once_in = random.choose(&[3, 20, 200]);
            note(|| format!("{fault:?} once in {once_in}"));
            world::set_fault(fault, once_in);
        }
    }
}

/// Injects faults that may end a connection.
fn set_hard_faults(random: &mut Random) {
    let faults = [
        Fault::NoBuffers,
        Fault::PeerTimeout,
        Fault::NoDescriptor,
        Fault::NoMemory,
        Fault::NoThread,
    ];
    for fault in faults {
        if random.once_in(2) {
            let once_in = random.choose(&[3, 50, 500]);
            note(|| format!("{fault:?} once in {once_in}"));
            world::set_fault(fault, once_in);
        }
    }
}

fn begin(random: &mut Random, may_block: bool) -> Exchange<Simulated> {
    let exchange = Exchange::<Simulated>::new(Random::new(random.number()), may_block);
    set_mild_faults(random);
    if random.once_in(4) {
        set_hard_faults(random);
        for stream in &exchange.streams {
            stream.excuse("the kernel fails");
            stream.state().does_kernel_fail = true;
        }
    }
    exchange
}

/// One thread polls event loops and plays their peers.
fn event_loops_alone(random: Random) {
    event_loops::run_alone::<Simulated>(random, set_faults);
}

/// Several threads poll event loops, and one plays their peers.
fn event_loops_in_threads(random: Random) {
    event_loops::run_in_threads(random, set_faults);
}

fn set_faults(program: &event_loops::World<Simulated>, random: &mut Random) {
    set_mild_faults(random);
    if random.once_in(4) {
        program.model().does_kernel_fail = true;
        set_hard_faults(random);
    }
}

/// One thread plays both ends.
fn exchange_alone(mut random: Random) {
    let exchange = begin(&mut random, false);
    exchange.run_alone();
}

/// Each end has one or two threads.
fn exchange_in_threads(mut random: Random) {
    let mut exchange = begin(&mut random, true);
    let leavings = exchange.leavings();
    let Exchange {
        ends,
        streams,
        is_unix,
        ..
    } = exchange;
    let mut threads = Vec::new();
    let mut library_ends = Vec::new();
    for (end, leaving) in ends.into_iter().zip(leavings) {
        let mut own = Random::new(random.number());
        let count = own.size(100);
        match end {
            End::Raw(mut end) => threads.push(world::spawn(move || {
                for _ in 0..count {
                    end.act();
                }
                end.leave(leaving);
                if matches!(leaving, Leaving::Drain | Leaving::AwaitEnd) {
                    while end.drain(true) {}
                }
            })),
            End::Library(mut end) => {
                let is_split = own.once_in(2);
                end.is_alone = false;
                let end = Arc::new(end);
                library_ends.push(end.clone());
                if is_split {
                    let mut own = Random::new(own.number());
                    let end = end.clone();
                    threads.push(world::spawn(move || {
                        for _ in 0..count {
                            end.write(&mut own);
                        }
                    }));
                }
                threads.push(world::spawn(move || {
                    for _ in 0..count {
                        match own.below(3) {
                            0 if !is_split => end.write(&mut own),
                            1 => {
                                end.read(&mut own);
                            }
                            _ => end.inspect(&mut own),
                        }
                    }
                    end.leave(leaving, &mut own);
                    if matches!(leaving, Leaving::Drain | Leaving::AwaitEnd) {
                        while end.drain(&mut own) {}
                    }
                    end.take_events();
                }));
            }
        }
    }
    for thread in threads {
        thread.join().expect("no thread panics");
    }
    for end in &library_ends {
        end.finish();
    }
    for stream in &streams {
        stream.check(is_unix);
    }
    world::sleep(Duration::from_nanos(1));
}
