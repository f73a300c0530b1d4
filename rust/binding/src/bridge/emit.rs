//! Emitting the signals of an object that a script polls.

use godot::classes::Object;
use godot::obj::{Gd, InstanceId};

use crate::parts::Signal;

/// Emits `signals` of the object with the id `object`. The object lives until all handlers have
/// run, whatever they do. The caller holds no reference into the object and no lock meanwhile.
pub(super) fn emit(object: InstanceId, signals: impl Iterator<Item = Signal>) {
    let Ok(mut object) = Gd::<Object>::try_from_instance_id(object) else {
        return;
    };
    for signal in signals {
        let arguments: Vec<_> = signal.arguments().into_iter().flatten().collect();
        object.emit_signal(signal.name(), &arguments);
    }
}
