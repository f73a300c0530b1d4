//! WebSocket: handshake, frames, messages and compression (RFC 6455, RFC 7692).
