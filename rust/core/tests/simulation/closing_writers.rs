//! An end that shuts down or closes while another thread is in a write. All that was accepted
//! arrives, followed by the end of the stream, and no other call is needed for that.

use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use stream_socket::simulated::control as world;
use stream_socket::{Connection, ReadError, Status, WriteError, WriteFailure};

use super::exchange::{Side, connect};
use super::library::PATIENT;
use super::library_reads::initialised;
use super::simulated::Simulated;
use super::stream::{Outcome, Stream};
use super::system::{Random, System};
use super::trace::{note, step};

/// Plays the program.
pub fn run(mut random: Random) {
    let is_unix = random.once_in(2);
    let (writer, reader) = if is_unix && random.once_in(2) {
        Connection::pair().expect("no descriptor is missing")
    } else {
        let sides = connect::<Simulated>(is_unix, false, &mut random);
        let (Side::Library(one), Side::Library(other)) = sides else {
            unreachable!("both use the library")
        };
        (one, other)
    };
    writer.set_coalesces(random.once_in(2));
    writer.set_queue_limit(random.choose(&[0, 0, 1 << 20]));
    writer.set_allow_half_open(random.once_in(2));
    let is_patient = random.once_in(2);
    writer.set_write_timeout(Some(if is_patient {
        PATIENT
    } else {
        Simulated::patience(&mut random)
    }));
    let stream = Arc::new(Stream::new("the writer's", random.number()));
    let (writer, has_ended) = (Arc::new(writer), Arc::new(AtomicBool::new(false)));
    let mut own = Random::new(random.number());
    let writing = {
        let (writer, stream, has_ended) = (writer.clone(), stream.clone(), has_ended.clone());
        world::spawn(move || write(&writer, &stream, &has_ended, &mut own))
    };
    let mut own = Random::new(random.number());
    let reading = {
        let (stream, talks) = (stream.clone(), random.once_in(2));
        world::spawn(move || read(&reader, &stream, talks, &mut own))
    };
    for _ in 0..random.size(4) {
        world::sleep(Simulated::patience(&mut random));
        if random.once_in(3) {
            let _ = writer.poll(world::now);
        }
    }
    has_ended.store(true, Ordering::SeqCst);
    if random.once_in(2) {
        // The only call that ends the stream.
        let outcome = writer.shut_down_writing();
        note(|| format!("it ends: {outcome:?}"));
        writing.join().expect("no thread panics");
        if writer.pending_bytes() > 0 {
            // Queued data needs polls or a lingering close. The timeout gives that close enough
            // time.
            writer.set_write_timeout(Some(PATIENT));
            writer.disconnect();
        }
    } else {
        // The timeout gives the lingering close enough time.
        writer.set_write_timeout(Some(PATIENT));
        writer.disconnect();
        note(|| "it goes".into());
        writing.join().expect("no thread panics");
    }
    let outcome = reading.join().expect("no thread panics");
    let state = stream.state();
    let is_whole = state.received == state.accepted && outcome == Outcome::End;
    assert!(
        is_whole || state.may_fail.is_some(),
        "{outcome:?}, but not all that was accepted has arrived: {state:?}"
    );
    drop(state);
    writer.disconnect();
}

/// Writes until a call fails.
fn write(writer: &Connection, stream: &Stream, has_ended: &AtomicBool, random: &mut Random) {
    let mut budget = world::buffer_size() * 8;
    for _ in 0..random.size(20) {
        step();
        let size = random.size(world::buffer_size() * 4).min(budget);
        let data = stream.offer(size);
        let outcome = writer.write_fully(&data);
        note(|| format!("it writes {size}: {outcome:?}"));
        let count = outcome
            .as_ref()
            .map_or_else(|failure| failure.accepted, |()| size);
        stream.accept(count);
        budget -= count;
        match outcome {
            Ok(()) => {}
            Err(WriteFailure {
                error: WriteError::TimedOut { .. } | WriteError::Busy { .. },
                ..
            }) => {}
            Err(WriteFailure { error, .. }) => {
                assert!(
                    has_ended.load(Ordering::SeqCst) || writer.status() != Status::Connected,
                    "{error}"
                );
                return;
            }
        }
    }
}

/// Reads to the end. If it `talks`, it also sends.
fn read(reader: &Connection, stream: &Stream, talks: bool, random: &mut Random) -> Outcome {
    reader.set_allow_half_open(true);
    reader.set_read_timeout(talks.then_some(Duration::from_millis(10)));
    let outcome = loop {
        step();
        if talks {
            let _ = reader.try_write(&vec![7; random.size(world::buffer_size())]);
        }
        let mut out = vec![MaybeUninit::new(0); random.size(world::buffer_size() * 2)];
        let outcome = reader.read_fully(&mut out);
        let count = outcome
            .as_ref()
            .map_or_else(|failure| failure.received, |()| out.len());
        note(|| format!("the other reads {count}: {outcome:?}"));
        stream.receive(&initialised(&out)[..count]);
        match outcome {
            Ok(()) => {}
            Err(failure) => match failure.error {
                ReadError::TimedOut { .. } => {}
                ReadError::EndOfStream => break Outcome::End,
                _ => break Outcome::Failure,
            },
        }
    };
    reader.disconnect();
    outcome
}
