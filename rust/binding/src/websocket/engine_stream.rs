//! Streams of the engine's classes under a WebSocket or an HTTP server, such as TLS. They are used
//! through their methods, so they may be of any class that has these.

use godot::builtin::{PackedByteArray, StringName, VarArray, Variant};
use godot::classes::{StreamPeerTls, TlsOptions};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::{EngineEnum, NewGd};
use stream_socket::Status;

use crate::bridge::ObjectRef;
use crate::parts::{EngineStream, NO_CLOSE_FRAME};

impl EngineStream for ObjectRef {
    fn poll(&self) {
        call(self, "poll", &[]);
    }

    fn status(&self) -> Status {
        match status(self) {
            0 => Status::None,
            1 => Status::Connecting,
            2 => Status::Connected,
            _ => Status::Error,
        }
    }

    fn problem(&self) -> &'static str {
        if !self.to_gd().is_class("StreamPeerTLS") {
            return NO_CLOSE_FRAME;
        }
        match status(self) {
            0 => NO_CLOSE_FRAME,
            4 => "TLS handshake: certificate is for another host",
            _ => "TLS: stream failed",
        }
    }

    fn has_input(&self) -> bool {
        let count = call(self, "get_available_bytes", &[]);
        count.try_to::<i64>().is_ok_and(|count| count > 0)
    }

    fn read(&self, limit: usize) -> Result<PackedByteArray, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let (code, bytes) = transfer(self, "get_partial_data", limit.to_variant())?;
        match code {
            0 => Ok(bytes.try_to().unwrap_or_default()),
            _ => Err(Error::try_from_ord(code).unwrap_or(Error::FAILED)),
        }
    }

    fn write(&self, bytes: &[u8]) -> Result<usize, Error> {
        let bytes = PackedByteArray::from(bytes);
        let (code, count) = transfer(self, "put_partial_data", bytes.to_variant())?;
        match code {
            0 => Ok(count.try_to::<u32>().unwrap_or(0) as usize),
            _ => Err(Error::try_from_ord(code).unwrap_or(Error::FAILED)),
        }
    }

    fn disconnect(&self) {
        let socket = below(self);
        if self.to_gd().is_class("StreamPeerTLS") {
            call(self, "disconnect_from_stream", &[]);
        }
        if let Some(socket) = socket {
            call(&socket, "disconnect_from_host", &[]);
        }
    }

    fn accept(socket: &ObjectRef, options: &ObjectRef) -> Option<ObjectRef> {
        let tls = ObjectRef::new(&StreamPeerTls::new_gd());
        let arguments = [socket.variant().clone(), options.variant().clone()];
        let code = call(&tls, "accept_stream", &arguments);
        matches!(code.try_to::<i64>(), Ok(0)).then_some(tls)
    }

    fn encrypt(
        socket: &ObjectRef,
        host: &str,
        options: Option<&ObjectRef>,
    ) -> Result<ObjectRef, &'static str> {
        let tls = ObjectRef::new(&StreamPeerTls::new_gd());
        let options = match options {
            Some(options) => options.variant().clone(),
            None => TlsOptions::client().to_variant(),
        };
        let arguments = [socket.variant().clone(), host.to_variant(), options];
        let code = call(&tls, "connect_to_stream", &arguments);
        match code.try_to::<i64>() {
            Ok(0) => Ok(tls),
            _ => Err("TLS handshake: cannot be started"),
        }
    }
}

/// Whether `stream` has the methods that a WebSocket needs.
pub(super) fn is_usable(stream: &ObjectRef) -> bool {
    let object = stream.to_gd();
    let methods = ["poll", "get_status"];
    methods.iter().all(|method| object.has_method(*method)) && below(stream).is_some()
}

/// The socket that carries `stream`, which may be the stream itself.
pub(super) fn below(stream: &ObjectRef) -> Option<ObjectRef> {
    let object = stream.to_gd();
    if !object.is_class("StreamPeerTLS") {
        return object
            .has_method("disconnect_from_host")
            .then(|| stream.clone());
    }
    let socket = call(stream, "get_stream", &[]);
    let socket = socket.try_to::<godot::obj::Gd<godot::classes::RefCounted>>();
    socket.ok().map(|socket| ObjectRef::new(&socket))
}

/// What the method `name` of the socket that carries `stream` returns, if it has that method.
pub(super) fn ask_socket(stream: &ObjectRef, name: &str, arguments: &[Variant]) -> Option<Variant> {
    let socket = below(stream)?;
    let has_method = socket.to_gd().has_method(name);
    has_method.then(|| call(&socket, name, arguments))
}

fn status(stream: &ObjectRef) -> i64 {
    call(stream, "get_status", &[]).try_to().unwrap_or(3)
}

fn call(stream: &ObjectRef, name: &str, arguments: &[Variant]) -> Variant {
    stream.to_gd().call(&StringName::from(name), arguments)
}

/// Calls a method that returns a code and what was transferred.
fn transfer(stream: &ObjectRef, name: &str, argument: Variant) -> Result<(i32, Variant), Error> {
    let result = call(stream, name, &[argument]).try_to::<VarArray>();
    let result = result.map_err(|_| Error::FAILED)?;
    let code = result.get(0).and_then(|code| code.try_to::<i32>().ok());
    let code = code.ok_or(Error::FAILED)?;
    Ok((code, result.get(1).unwrap_or_default()))
}
