//! What most connections do not have. It is allocated when it is first set, so that the others are
//! small.

use crate::connection::close_reason::Ended;
use crate::connection::recorder::Recorder;
use crate::socket::options::Options;

/// Parts of [`Inner`](crate::connection::inner::Inner) that few connections use.
#[derive(Debug, Default)]
pub(crate) struct Rare(Option<Box<Parts>>);

#[derive(Debug, Default)]
struct Parts {
    options: Options,
    recorder: Option<Box<Recorder>>,
    ended: Option<Ended>,
}

impl Rare {
    /// Returns the socket options.
    pub(super) fn options(&self) -> Options {
        self.0
            .as_ref()
            .map_or_else(Options::default, |parts| parts.options)
    }

    pub(super) fn set_options(&mut self, options: Options) {
        if self.options() != options {
            self.0.get_or_insert_default().options = options;
        }
    }

    /// Returns the recorder while recording is enabled.
    #[inline]
    pub(super) fn recorder(&mut self) -> Option<&mut Recorder> {
        self.0.as_mut()?.recorder.as_deref_mut()
    }

    /// As [`recorder`](Self::recorder), to read from.
    pub(super) fn recorded(&self) -> Option<&Recorder> {
        self.0.as_ref()?.recorder.as_deref()
    }

    pub(super) fn set_recorder(&mut self, recorder: Option<Box<Recorder>>) {
        if recorder.is_some() || self.0.is_some() {
            self.0.get_or_insert_default().recorder = recorder;
        }
    }

    /// Returns why the last connection ended, unless this side has disconnected.
    pub(super) fn ended(&self) -> Option<&Ended> {
        self.0.as_ref()?.ended.as_ref()
    }

    pub(super) fn set_ended(&mut self, ended: Option<Ended>) {
        if ended.is_some() || self.0.is_some() {
            self.0.get_or_insert_default().ended = ended;
        }
    }
}
