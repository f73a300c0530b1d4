//! HTTP/1.1: heads and bodies, for clients and servers (RFC 9110, RFC 9112).
