//! Emitting signals.

use std::sync::Arc;

use godot::builtin::StringName;
use godot::classes::{Object, RefCounted};
use godot::global::Error;
use godot::obj::{Gd, Inherits, InstanceId};

use crate::parts::{Part, Signal};

/// Polls the part of `object`, and emits its signals. Whether there were any.
pub(crate) fn poll<T, P>(object: &Gd<T>, part: &Arc<P>) -> (Error, bool)
where
    T: Inherits<RefCounted> + Inherits<Object>,
    P: Part,
{
    let is_heard = |signal: &StringName| object.upcast_ref::<Object>().has_connections(signal);
    let (code, signals) = part.poll(is_heard);
    let has_signals = signals.is_some();
    if let Some(signals) = signals {
        emit(object.instance_id(), signals);
    }
    (code, has_signals)
}

/// The same, and `hear` hears of each signal too.
pub(crate) fn poll_and_hear<T, P>(object: &Gd<T>, part: &Arc<P>, mut hear: impl FnMut(&Signal))
where
    T: Inherits<RefCounted> + Inherits<Object>,
    P: Part,
{
    let mut object = object.clone().upcast::<Object>();
    let (_, signals) = part.poll(|_| true);
    for signal in signals.into_iter().flatten() {
        if object.has_connections(signal.name()) {
            object.emit_signal(signal.name(), signal.argument().as_slice());
        }
        hear(&signal);
    }
}

/// Emits `signals` of the object with the id `object`, which lives until all handlers have run, whatever they do. The
/// caller holds no reference into the object meanwhile, and no lock.
pub(super) fn emit(object: InstanceId, signals: impl Iterator<Item = Signal>) {
    let Ok(mut object) = Gd::<Object>::try_from_instance_id(object) else {
        return;
    };
    for signal in signals {
        object.emit_signal(signal.name(), signal.argument().as_slice());
    }
}
