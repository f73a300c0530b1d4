//! HTTP/1.1: heads and bodies, for clients and servers (RFC 9110, RFC 9112).
//!
//! | part | what it is |
//! | --- | --- |
//! | [`HeadReader`] | finds and parses the head of a request or a response |
//! | [`Headers`] | the header fields of a message |
//! | [`write_request_head`], [`write_response_head`] | the same heads as bytes |
//! | [`BodyDecoder`], [`BodyEncoder`] | bodies: with a length, chunked, up to the stream's end |
//! | [`ServerConnection`], [`ServerRules`] | one connection of a server, and what it accepts |
//! | [`EvictionOrder`], [`EvictionClass`] | which connections a full server ends first |
//! | [`RoutePattern`] | patterns of paths |
//! | [`file_path`], [`byte_range`] and others | what serving files needs |
//! | [`Authority`] | a host with a port, as in `Host` |
//!
//! The readers refuse what RFC 9112 calls invalid, and what is ambiguous. If two programs disagree
//! about where a request ends, a client can exploit that (request smuggling). So a lone CR or LF, a
//! folded header, two lengths, and a length together with chunks are errors, and the connection
//! cannot be used further.

mod authority;
mod body_decoder;
mod body_encoder;
mod body_error;
mod entity_tags;
mod event_stream;
mod eviction_order;
mod files;
mod framing;
mod head;
mod head_error;
mod head_reader;
mod head_scan;
mod headers;
mod percent;
mod respond_error;
mod route;
mod server_connection;
mod server_rules;
mod version;
mod write;

pub use authority::Authority;
pub use body_decoder::BodyDecoder;
pub use body_encoder::{BodyEncoder, WriteBodyError};
pub use body_error::BodyError;
pub use entity_tags::EntityTags;
pub use event_stream::{EventError, event_text};
pub use eviction_order::{EvictionOrder, address_of_its_own};
pub use files::{ByteRange, byte_range, content_type, file_path, has_current};
pub use framing::{BodyFraming, allows_body};
pub use head::{RequestHead, ResponseHead};
pub use head_error::HeadError;
pub use head_reader::{HeadLimits, HeadReader};
pub use headers::Headers;
pub use percent::percent_decode;
pub use respond_error::RespondError;
pub use route::{PatternError, RoutePattern};
pub use server_connection::{
    Activity, Ending, EvictionClass, Request, ServerConnection, ServerEvent,
};
pub use server_rules::ServerRules;
pub use version::Version;
pub use write::{
    WriteHeadError, check_field, is_token, status_text, write_request_head, write_response_head,
};
