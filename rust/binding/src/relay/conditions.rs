//! `SocketConditionsRs`: the conditions of one direction of a relay.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use godot::obj::Gd;
use godot::prelude::{GodotClass, godot_api};
use stream_socket_relay::Conditions;

use crate::bridge::PropertyKind::{Bool, Float, Int};
use crate::bridge::{
    Bridged, Class, ClassTree, ObjectRef, PartKind, Property, new_object, part_of,
};
use crate::numbers;
use crate::parts::{Constructible, ObjectAddress, Part, Presence};
use crate::shared_methods::accept_or_print;

/// The number that means: never.
const NEVER: i64 = -1;

/// The class of conditions. There is no value of this type: the bridge makes an object with a
/// [`ConditionsPart`].
#[derive(GodotClass)]
#[class(tool, no_init, base = Resource)]
pub struct SocketConditionsRs {}

static CLASS: [Class; 1] = [Class::new("SocketConditionsRs", "", &TREE)];

pub(crate) static TREE: ClassTree = ClassTree {
    base: "SocketConditionsRs",
    classes: &CLASS,
    enumerations: &[],
    properties: &[
        Property::new("delay", Float, "set_delay", "get_delay").exported(SECONDS),
        Property::new("jitter", Float, "set_jitter", "get_jitter").exported(SECONDS),
        Property::new("bandwidth", Int, "set_bandwidth", "get_bandwidth")
            .exported("0,10000000,1,or_greater,suffix:B/s"),
        Property::new(
            "max_piece_bytes",
            Int,
            "set_max_piece_bytes",
            "get_max_piece_bytes",
        )
        .exported("0,65536,1,or_greater,suffix:B"),
        Property::new("stalled", Bool, "set_stalled", "is_stalled").exported(""),
        Property::new(
            "close_after_bytes",
            Int,
            "set_close_after_bytes",
            "get_close_after_bytes",
        )
        .exported(BYTES_OR_NEVER),
        Property::new(
            "abort_after_bytes",
            Int,
            "set_abort_after_bytes",
            "get_abort_after_bytes",
        )
        .exported(BYTES_OR_NEVER),
    ],
    methods: &[],
    virtuals: None,
    parts: PartKind::of::<ConditionsPart>(),
    engine_class: OnceLock::new(),
};

const SECONDS: &str = "0,1,0.001,or_greater,suffix:s";
const BYTES_OR_NEVER: &str = "-1,10000000,1,or_greater,suffix:B";

impl Bridged for SocketConditionsRs {
    type Part = ConditionsPart;

    fn tree() -> &'static ClassTree {
        &TREE
    }
}

/// The part of conditions.
pub(crate) struct ConditionsPart {
    presence: Presence,
    conditions: Mutex<Conditions>,
}

impl Constructible for ConditionsPart {
    fn new(object: ObjectAddress) -> ConditionsPart {
        ConditionsPart {
            presence: Presence::of(object),
            conditions: Mutex::default(),
        }
    }
}

impl Part for ConditionsPart {
    fn presence(&self) -> &Presence {
        &self.presence
    }

    fn made(self: &Arc<Self>, _: &'static str) {}

    fn freed(&self, _: &dyn Fn(&str) -> bool) {}
}

#[godot_api]
impl SocketConditionsRs {
    #[func]
    fn set_delay(seconds: f64) {
        if let Some(time) = accept_or_print(numbers::time("delay", seconds)) {
            Self::this().lock().delay = time;
        }
    }

    #[func]
    fn get_delay() -> f64 {
        Self::this().lock().delay.as_secs_f64()
    }

    #[func]
    fn set_jitter(seconds: f64) {
        if let Some(time) = accept_or_print(numbers::time("jitter", seconds)) {
            Self::this().lock().jitter = time;
        }
    }

    #[func]
    fn get_jitter() -> f64 {
        Self::this().lock().jitter.as_secs_f64()
    }

    #[func]
    fn set_bandwidth(bytes_per_second: i64) {
        let bandwidth = numbers::count("bandwidth", bytes_per_second);
        if let Some(bandwidth) = accept_or_print(bandwidth) {
            Self::this().lock().bandwidth = bandwidth as u64;
        }
    }

    #[func]
    fn get_bandwidth() -> i64 {
        Self::this().lock().bandwidth as i64
    }

    #[func]
    fn set_max_piece_bytes(count: i64) {
        if let Some(count) = accept_or_print(numbers::count("max_piece_bytes", count)) {
            Self::this().lock().max_piece = count;
        }
    }

    #[func]
    fn get_max_piece_bytes() -> i64 {
        Self::this().lock().max_piece as i64
    }

    #[func]
    fn set_stalled(stalled: bool) {
        Self::this().lock().is_stalled = stalled;
    }

    #[func]
    fn is_stalled() -> bool {
        Self::this().lock().is_stalled
    }

    #[func]
    fn set_close_after_bytes(count: i64) {
        if let Some(after) = accept_or_print(after("close_after_bytes", count)) {
            Self::this().lock().close_after = after;
        }
    }

    #[func]
    fn get_close_after_bytes() -> i64 {
        of_after(Self::this().lock().close_after)
    }

    #[func]
    fn set_abort_after_bytes(count: i64) {
        if let Some(after) = accept_or_print(after("abort_after_bytes", count)) {
            Self::this().lock().abort_after = after;
        }
    }

    #[func]
    fn get_abort_after_bytes() -> i64 {
        of_after(Self::this().lock().abort_after)
    }
}

impl ConditionsPart {
    fn lock(&self) -> MutexGuard<'_, Conditions> {
        self.conditions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Conditions that a relay has: the object, which this keeps alive, and its part.
#[derive(Clone)]
pub(super) struct ChosenConditions {
    object: ObjectRef,
    part: Arc<ConditionsPart>,
}

impl ChosenConditions {
    pub(super) fn of(object: &Gd<SocketConditionsRs>) -> ChosenConditions {
        ChosenConditions {
            object: ObjectRef::new(object),
            part: part_of(object),
        }
    }

    /// New conditions, which change nothing.
    pub(super) fn new() -> ChosenConditions {
        let (object, part) = new_object::<SocketConditionsRs>(&CLASS[0], ConditionsPart::new);
        let object = ObjectRef::new(&object);
        ChosenConditions { object, part }
    }

    pub(super) fn object(&self) -> Gd<SocketConditionsRs> {
        self.object.to_gd().cast()
    }

    /// The current conditions.
    pub(super) fn current(&self) -> Conditions {
        *self.part.lock()
    }
}

fn after(property: &str, count: i64) -> Result<Option<u64>, String> {
    match count {
        NEVER => Ok(None),
        _ => match u64::try_from(count) {
            Ok(count) => Ok(Some(count)),
            Err(_) => Err(format!("{property}: {count} is negative; -1 means never")),
        },
    }
}

fn of_after(after: Option<u64>) -> i64 {
    after.map_or(NEVER, |count| count as i64)
}
