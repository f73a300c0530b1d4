//! HTTP/1.1 (RFC 9112) and WebSocket (RFC 6455, with RFC 7692) without I/O and without a clock.
//!
//! A caller passes the bytes that it received, and sends the bytes that it gets. Both halves exist
//! for clients and for servers. Nothing here waits, opens a socket or reads the time, so every case
//! can be tested at every cut of a stream.

mod clock;
pub mod http;
pub mod websocket;
