//! Programs that fork. The child has process-wide state of its own. The connections and groups of
//! its parent still work in it, if perhaps more slowly, and so do those that it creates.
//!
//! A real child has no threads of its parent. The simulation cannot remove threads, so it forks
//! while the library has no threads.

use std::mem::MaybeUninit;
use std::time::Duration;

use stream_socket::simulated::control as world;
use stream_socket::{Connection, Group, Visit};

use super::system::Random;
use super::trace::{note, step};

/// How often a group probes the members that no poller watches.
const SLICE: Duration = Duration::from_millis(10);

/// A connected pair, one end of which is in a group.
struct Watched {
    group: Group,
    key: usize,
    ends: [Connection; 2],
    waiting: usize,
    /// The group is the parent's.
    is_inherited: bool,
}

impl Watched {
    fn new() -> Watched {
        let (one, other) = Connection::pair().expect("no fault is set");
        let group = Group::new();
        let key = group.add(&one);
        Watched {
            group,
            key,
            ends: [one, other],
            waiting: 0,
            is_inherited: false,
        }
    }

    fn act(&mut self, random: &mut Random) {
        step();
        let [one, other] = &self.ends;
        match random.below(4) {
            0 => {
                let data = vec![7; random.size(64)];
                self.waiting += other.try_write(&data).expect("the connection is open");
            }
            1 => {
                let mut out = vec![MaybeUninit::uninit(); 64];
                let count = one.try_read(&mut out).expect("the connection is open");
                assert!(
                    count > 0 || self.waiting == 0,
                    "a read has missed unread bytes"
                );
                self.waiting -= count;
            }
            2 => {
                let has_data = one.poll(world::now).expect("the connection is open");
                assert_eq!(has_data, self.waiting > 0, "a poll");
            }
            _ => self.poll_group(),
        }
    }

    /// Checks that the group reports unread bytes: at once, or after it has probed.
    fn poll_group(&self) {
        let limit = if self.is_inherited {
            SLICE * 3
        } else {
            Duration::ZERO
        };
        let mut is_notified = false;
        self.group.poll(Some(limit), |key| {
            is_notified |= key == self.key;
            match self.ends[0].poll(world::now) {
                Ok(true) => Visit::Ready,
                _ => Visit::Idle,
            }
        });
        assert!(
            is_notified || self.waiting == 0,
            "the group has not reported unread bytes"
        );
    }
}

/// Plays the program.
pub fn run(mut random: Random) {
    let mut all: Vec<Watched> = Vec::new();
    for process in 0..random.size(3) {
        note(|| format!("process {process}"));
        all.extend((0..random.size(3)).map(|_| Watched::new()));
        for _ in 0..random.size(60) {
            let index = random.below(all.len() as u64) as usize;
            all[index].act(&mut random);
        }
        if random.once_in(2) {
            close_lingering(&mut random);
        }
        // The child must not have the library's threads.
        stream_socket::process::shut_down();
        world::fork();
        stream_socket::process::start_up();
        for watched in &mut all {
            watched.is_inherited = true;
        }
    }
}

/// Closes a connection with queued data. Its lingering close needs a thread of this process.
fn close_lingering(random: &mut Random) {
    let (one, other) = Connection::pair().expect("no fault is set");
    one.set_queue_limit(1 << 20);
    let size = random.size(world::buffer_size() * 4).min(1 << 20);
    one.write_fully(&vec![7; size]).expect("it fits the queue");
    one.disconnect();
    other.set_read_timeout(Some(Duration::from_secs(10)));
    let mut out = vec![MaybeUninit::uninit(); size];
    other.read_fully(&mut out).expect("what was queued arrives");
}
