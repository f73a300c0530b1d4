//! Programs with event loops. Their members are peers, packet channels and servers, handlers make
//! any call, and the reports to every handler are compared with the model.
//!
//! | file | what it is |
//! | --- | --- |
//! | `mod`, `threads` | the programs |
//! | `world` | the event loops and objects, and the calls of the library |
//! | `subjects` | the objects, and their handlers |
//! | `handlers` | what handlers do |
//! | `remotes` | the other ends |
//! | `model`, `membership`, `packets` | the model |
//! | `content` | the content of the streams |

mod content;
mod handlers;
mod membership;
mod model;
mod packets;
mod remotes;
mod subjects;
#[cfg(stream_socket_simulated)]
mod threads;
mod world;

use std::sync::Arc;
use std::time::Duration;

use stream_socket::{Connection, Status};

use self::remotes::Remote;
use self::subjects::{Role, set_on_drop};
#[cfg(stream_socket_simulated)]
pub use self::threads::run_in_threads;
pub use self::world::World;
use super::system::{Random, System};
use super::trace::{note, step};

/// How long the last polls wait on a real kernel, where a deadlock is not reported.
const LONG: Duration = Duration::from_secs(10);

/// How many rounds the remotes read at the end of a program.
const ROUNDS: u32 = 30;

/// The longest pause between two rounds. It lets data in flight arrive before the time limit of a
/// lingering close.
const LONGEST_PAUSE: Duration = Duration::from_millis(600);

/// The remotes. One thread plays them.
struct Remotes<S: System>(Vec<Remote<S>>);

impl<S: System> Remotes<S> {
    fn act(&mut self, world: &Arc<World<S>>, random: &mut Random) {
        for kind in 0..world.kinds.len() {
            self.0.extend(Remote::accept(world, kind));
        }
        if self.0.len() < 2 || self.0.len() < 10 && random.once_in(6) {
            let kind = random.below(world.kinds.len() as u64) as usize;
            self.0.extend(Remote::connect(world, kind, random));
        }
        if let Some(index) = (!self.0.is_empty()).then(|| random.below(self.0.len() as u64)) {
            self.0[index as usize].act(random);
        }
        self.0.retain(|remote| !remote.is_gone());
    }
}

/// Adds a peer or a channel to a loop.
fn add_object<S: System>(
    world: &Arc<World<S>>,
    remotes: Option<&mut Remotes<S>>,
    random: &mut Random,
) {
    let kind = random.below(world.kinds.len() as u64) as usize;
    let peer = match remotes {
        Some(remotes) if random.once_in(3) => {
            let Ok((one, other)) = Connection::pair() else {
                return;
            };
            remotes.0.push(Remote::of(world, kind, other));
            world.new_peer(one, kind, false)
        }
        _ => world.new_peer(Connection::new(), kind, false),
    };
    let object = world.wrap(peer.clone());
    note(|| format!("{} is peer {}", object.id, peer.index));
    world.keep(&object);
    if peer.connection.status() == Status::None && !random.once_in(3) {
        world.connect(&peer);
    }
    world.add(random.below(2) as usize, &object);
}

/// Performs one random call outside of a handler.
fn act<S: System>(world: &Arc<World<S>>, random: &mut Random) {
    match random.below(10) {
        0 if random.once_in(2) => add_object(world, None, random),
        0..=5 => {
            let limit = match random.below(3) {
                0 => S::patience(random),
                _ => Duration::ZERO,
            };
            world.poll(random.below(2) as usize, Some(limit));
        }
        // Frames, long enough for the limits of members that stall or are silent.
        6 if S::IS_SIMULATED && random.once_in(2) => {
            for _ in 0..random.below(10) {
                S::sleep(Duration::from_millis(80));
                world.poll(random.below(2) as usize, Some(Duration::ZERO));
            }
        }
        6 => S::sleep(Duration::from_micros(random.choose(&[1, 100, 1000]))),
        7 => world.broadcast(random.below(2) as usize),
        _ => {
            if let Some(object) = world.any_object() {
                world.act(Some(&object), object.peer().as_ref());
            }
        }
    }
}

/// One thread plays the whole program.
pub fn run_alone<S: System>(mut random: Random, begin: impl FnOnce(&World<S>, &mut Random)) {
    let world = World::<S>::new(Random::new(random.number()), false);
    set_on_drop(Some(Arc::downgrade(&world)));
    begin(&world, &mut random);
    let mut remotes = Remotes(Vec::new());
    for _ in 0..random.size(300) {
        step();
        match random.below(16) {
            0 => add_object(&world, Some(&mut remotes), &mut random),
            1..=9 => remotes.act(&world, &mut random),
            _ => act(&world, &mut random),
        }
    }
    end(&world, remotes, &mut random);
}

/// Ends all connections, and compares everything with the model.
fn end<S: System>(world: &Arc<World<S>>, mut remotes: Remotes<S>, random: &mut Random) {
    world.calm();
    for kind in 0..world.kinds.len() {
        while let Some(remote) = Remote::accept(world, kind) {
            remotes.0.push(remote);
        }
    }
    for _ in 0..ROUNDS {
        remotes.0.retain_mut(Remote::drain);
        for index in 0..2 {
            world.poll(index, Some(Duration::ZERO));
        }
        S::sleep(super::notify_delay::<S>().min(LONGEST_PAUSE));
    }
    for remote in &mut remotes.0 {
        remote.leave(random.once_in(2));
    }
    for kind in &world.kinds {
        kind.remote.stop();
    }
    // All that can happen has happened, so a lost wake-up is a deadlock from now on.
    for index in 0..2 {
        world.end_half_open_members(index);
        while world.has_living_members(index) {
            let limit = if S::IS_SIMULATED { None } else { Some(LONG) };
            let count = world.poll(index, limit);
            assert!(limit.is_none() || count > 0, "a wake-up was lost");
            world.end_half_open_members(index);
        }
    }
    world.finish();
    set_on_drop::<S>(None);
}

impl<S: System> World<S> {
    fn has_living_members(&self, index: usize) -> bool {
        let members = self.loops[index].members();
        let is_living = |object: &subjects::Object<S>| {
            let peer = object.peer();
            peer.is_some_and(|peer| {
                let status = peer.connection.status();
                note(|| format!("{} is peer {}: {status:?}", object.id, peer.index));
                matches!(status, Status::Connected | Status::Connecting)
            })
        };
        members.iter().any(|member| is_living(member.subject()))
    }

    fn end_half_open_members(&self, index: usize) {
        for member in self.loops[index].members() {
            if let Some(peer) = member.subject().peer() {
                self.end_half_open(&peer);
            }
        }
    }

    /// From now on handlers only read, and all loops listen to packets.
    fn calm(&self) {
        use std::sync::atomic::Ordering::Relaxed;
        self.is_calm.store(true, Relaxed);
        for index in 0..2 {
            self.loops[index].set_max_packets_per_poll(0);
            // The end of a silent member would hide that a wake-up was lost.
            self.loops[index].set_max_stalled(None);
            self.loops[index].set_max_silent(None);
            if !self.wants[index].swap(true, Relaxed) {
                self.model().set_wants(index, true);
            }
        }
    }

    /// Delivers all that is left, and compares everything with the model.
    fn finish(&self) {
        let objects: Vec<_> = self.objects.lock().unwrap().clone();
        for object in &objects {
            self.poll_by_hand(object);
        }
        for index in 0..2 {
            self.poll(index, Some(Duration::ZERO));
            self.check_sleep(index);
            for member in self.loops[index].members() {
                self.poll_by_hand(member.subject());
            }
            self.poll(index, Some(Duration::ZERO));
        }
        for member in self.loops.iter().flat_map(|one| one.members()) {
            if let Some(peer) = member.subject().peer() {
                assert!(
                    !peer.connection.has_events(),
                    "events are left: {}",
                    peer.index
                );
            }
        }
        self.model().finish();
        for index in 0..2 {
            for member in self.loops[index].members() {
                drop(self.loops[index].remove(member.subject().id));
            }
        }
        let objects = std::mem::take(&mut *self.objects.lock().unwrap());
        drop(objects);
    }

    /// Checks that a poll sleeps while nothing happens.
    fn check_sleep(&self, index: usize) {
        if !S::IS_SIMULATED {
            return;
        }
        self.poll(index, Some(Duration::from_millis(50)));
        for member in self.loops[index].members() {
            let object = member.subject();
            let visits = object.visits.load(std::sync::atomic::Ordering::Relaxed);
            assert!(
                visits < 40 || matches!(object.role, Role::Server(_)),
                "{} was visited {visits} times while nothing happened",
                object.id
            );
        }
    }
}
