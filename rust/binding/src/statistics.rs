//! The dictionary that `get_statistics` returns.

use std::time::Duration;

use godot::builtin::{Array, VarDictionary, vdict};
use godot::global::Error;
use stream_socket::{AttemptOutcome, ConnectAttempt, Statistics};

use crate::parts::Code;

/// The statistics for a script: times are in seconds, and a value that is not known has no entry.
pub(crate) fn dictionary(statistics: Statistics) -> VarDictionary {
    let attempts: Array<VarDictionary> = statistics.attempts.into_iter().map(attempt).collect();
    let mut all = vdict! {
        "bytes_received" => count(statistics.received),
        "bytes_unread" => count(statistics.unread as u64),
        "bytes_sent" => count(statistics.sent),
        "bytes_queued" => count(statistics.queued as u64),
        "bytes_accepted" => count(statistics.accepted),
        "packets_received" => count(statistics.packets_received),
        "packets_sent" => count(statistics.packets_sent),
        "connect_attempts" => &attempts,
    };
    let times = [
        ("age", statistics.age),
        ("since_received", statistics.since_received),
        ("since_sent", statistics.since_sent),
        ("stalled", statistics.stalled),
        ("round_trip_time", statistics.round_trip_time),
    ];
    for (name, time) in times {
        if let Some(time) = time {
            all.set(name, seconds(time));
        }
    }
    let counts = [
        ("bytes_acknowledged", statistics.acknowledged),
        ("retransmits", statistics.retransmits),
    ];
    for (name, known) in counts {
        if let Some(known) = known {
            all.set(name, count(known));
        }
    }
    all
}

fn attempt(attempt: ConnectAttempt) -> VarDictionary {
    let (error, message) = match &attempt.outcome {
        AttemptOutcome::Connected => (Error::OK, String::new()),
        AttemptOutcome::UnderWay => (Error::ERR_BUSY, "in progress".to_owned()),
        AttemptOutcome::Failed(error) => (error.exact(), error.to_string()),
        _ => (Error::ERR_SKIP, "abandoned".to_owned()),
    };
    vdict! {
        "address" => attempt.address.to_string(),
        "began_after" => seconds(attempt.began_after),
        "seconds" => seconds(attempt.took),
        "error" => error,
        "message" => message,
    }
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
