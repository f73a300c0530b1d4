//! The same programs with several threads, which poll loops and peers, send, add and remove.

use stream_socket::simulated::control as world;

use super::remotes::Remote;
use super::subjects::set_on_drop;
use super::world::World;
use super::{Remotes, act, add_object, end};
use crate::model::simulated::Simulated;
use crate::model::system::Random;
use crate::model::trace::step;

/// Two or three threads use the library, and one plays the remotes.
pub fn run_in_threads(mut random: Random, begin: impl FnOnce(&World<Simulated>, &mut Random)) {
    let world = World::<Simulated>::new(Random::new(random.number()), true);
    set_on_drop(Some(std::sync::Arc::downgrade(&world)));
    if random.once_in(2) {
        world.model().has_wants_changed = true;
    }
    begin(&world, &mut random);
    let mut threads = Vec::new();
    for _ in 0..1 + random.below(2) {
        let mut own = Random::new(random.number());
        let world = world.clone();
        threads.push(world::spawn(move || {
            for _ in 0..own.size(60) {
                step();
                act(&world, &mut own);
            }
        }));
    }
    let playing = {
        let mut own = Random::new(random.number());
        let world = world.clone();
        world::spawn(move || {
            let mut remotes = Remotes(Vec::new());
            for _ in 0..own.size(200) {
                remotes.act(&world, &mut own);
                world::pause();
            }
            remotes
        })
    };
    for _ in 0..random.size(60) {
        step();
        match random.below(8) {
            0 => add_object(&world, None, &mut random),
            _ => act(&world, &mut random),
        }
    }
    for thread in threads {
        thread.join().expect("no thread panics");
    }
    let mut remotes = playing.join().expect("no thread panics");
    remotes
        .0
        .retain(|remote: &Remote<Simulated>| !remote.is_gone());
    end(&world, remotes, &mut random);
}
