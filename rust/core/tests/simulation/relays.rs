//! Exchanges through a relay, which delays, throttles, splits, stalls and cuts both directions. All
//! other guarantees of a connection still hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use stream_socket::simulated::control as world;
use stream_socket::{BindAddress, Target};
use stream_socket_relay::{Conditions, LinkEnd, Relay, RelayEvent};

use super::exchange::{Exchange, listen, loopback, meet};
use super::simulated::Simulated;
use super::stream::Stream;
use super::system::Random;
use super::trace::note;

/// The longest time between the end of both connections and the end of their link: a lingering
/// close takes no longer.
const LONGEST_END: Duration = Duration::from_secs(60);

/// Runs the program.
pub fn run(mut random: Random) {
    let (is_unix, is_raw) = (random.once_in(2), random.once_in(3));
    let (listener, target) = listen::<Simulated>(is_unix, &mut random);
    let mut relay = Relay::new(random.number());
    relay.set_target(Target::Address(target), None);
    let bind = if is_unix {
        BindAddress::Unix("/run/relay".into())
    } else {
        loopback(&mut random)
    };
    relay.listen(&bind).expect("the address is free");
    let address = relay.local_address().expect("it is listening");
    let cut = random.once_in(4).then(|| Cut::new(&mut random));
    let is_over = Arc::new(AtomicBool::new(false));
    let playing = {
        let (is_over, own) = (is_over.clone(), Random::new(random.number()));
        world::spawn(move || play(relay, cut, own, &is_over))
    };
    let (client, server) = meet::<Simulated>(&listener, address, is_raw);
    let mut exchange = Exchange::between([client, server], is_unix, random, false);
    exchange.is_direct = false;
    let streams = exchange.streams.clone();
    if cut.is_some() {
        for stream in &streams {
            stream.excuse("the relay cuts");
            // The senders of this program expect the cut.
            stream.state().is_sender_notified = true;
        }
    }
    exchange.run_alone();
    is_over.store(true, Ordering::SeqCst);
    let relayed = playing.join().expect("no thread panics");
    relayed.check(cut, &streams);
}

/// What ends the link after a number of bytes in one direction.
#[derive(Clone, Copy, Debug)]
struct Cut {
    is_to_target: bool,
    resets: bool,
    after: u64,
}

impl Cut {
    fn new(random: &mut Random) -> Cut {
        Cut {
            is_to_target: random.once_in(2),
            resets: random.once_in(2),
            after: random.size(world::buffer_size() * 4) as u64,
        }
    }
}

/// What the relay has reported.
#[derive(Debug, Default)]
struct Relayed {
    opened: u64,
    ends: Vec<LinkEnd>,
    /// The number of bytes forwarded to the target, and to the client.
    counts: [u64; 2],
}

/// Polls the relay until its link is over.
fn play(mut relay: Relay, cut: Option<Cut>, mut random: Random, is_over: &AtomicBool) -> Relayed {
    let mut relayed = Relayed::default();
    let mut over_since = None;
    loop {
        if random.once_in(20) {
            relay.to_target = conditions(&mut random);
            relay.to_client = conditions(&mut random);
            note(|| format!("the relay: {:?}, {:?}", relay.to_target, relay.to_client));
        }
        if is_over.load(Ordering::SeqCst) {
            let since = *over_since.get_or_insert_with(world::now);
            assert!(
                world::now().duration_since(since) < LONGEST_END,
                "both ends are closed, and the link is not over"
            );
            (relay.to_target, relay.to_client) = Default::default();
        }
        if let Some(cut) = cut {
            let conditions = if cut.is_to_target {
                &mut relay.to_target
            } else {
                &mut relay.to_client
            };
            if cut.resets {
                conditions.abort_after = Some(cut.after);
            } else {
                conditions.close_after = Some(cut.after);
            }
        }
        let polled = relay.poll(world::now(), |event| match event {
            RelayEvent::Opened { .. } => relayed.opened += 1,
            RelayEvent::Closed { end, .. } => relayed.ends.push(end),
        });
        polled.expect("no fault is set that fails a call");
        if over_since.is_some() && relay.link_count() == 0 {
            relayed.counts = [relay.bytes_to_target(), relay.bytes_to_client()];
            note(|| format!("the relay has ended: {relayed:?}"));
            return relayed;
        }
        world::sleep(Duration::from_micros(random.choose(&[10, 300, 10_000])));
    }
}

/// Random conditions that are fast enough that no call of the program times out.
fn conditions(random: &mut Random) -> Conditions {
    let budget = world::buffer_size() * 8;
    Conditions {
        delay: Duration::from_micros(random.choose(&[0, 0, 1, 700, 30_000])),
        jitter: Duration::from_micros(random.choose(&[0, 0, 50, 20_000])),
        bandwidth: random.choose(&[0, 0, 1, 10]) * budget as u64,
        max_piece: random.choose(&[0, 0, 1, 100]) * budget.div_ceil(1000),
        is_stalled: random.once_in(8),
        ..Conditions::default()
    }
}

impl Relayed {
    /// Compares the report with what the ends have accepted and received.
    fn check(&self, cut: Option<Cut>, streams: &[Arc<Stream>; 2]) {
        assert_eq!((self.opened, self.ends.len()), (1, 1), "{self:?}");
        let was_cut = matches!(self.ends[0], LinkEnd::Cut);
        assert!(
            cut.is_some() || !was_cut,
            "a link was cut without a cut: {self:?}"
        );
        let ways = self.counts.into_iter().zip(streams).enumerate();
        for (way, (count, stream)) in ways {
            let state = stream.state();
            assert!(
                state.received <= count && count <= state.accepted,
                "{count} bytes were forwarded: {state:?}"
            );
            if matches!(self.ends[0], LinkEnd::Ended) && state.may_fail.is_none() {
                assert_eq!(count, state.accepted, "the end came too early: {state:?}");
            }
            if let Some(cut) = cut
                && cut.is_to_target == (way == 0)
            {
                assert!(count <= cut.after, "{count} bytes are too many: {cut:?}");
                assert_eq!(was_cut, count == cut.after, "{cut:?} {self:?}");
            }
        }
    }
}
