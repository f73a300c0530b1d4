//! The properties of `WebSocketPeerRs`.

use godot::builtin::{GString, PackedStringArray};
use godot::prelude::godot_api;

use super::WebSocketPeerRs;
use crate::bridge::Bridged;
use crate::numbers;
use crate::shared_methods::Failing;

#[godot_api(secondary)]
impl WebSocketPeerRs {
    #[func]
    fn set_handshake_headers(protocols: PackedStringArray) {
        // The argument has the name that it has in the engine.
        let headers = strings(&protocols);
        Self::this().configure(|settings| settings.headers = headers);
    }

    #[func]
    fn get_handshake_headers() -> PackedStringArray {
        packed(&Self::this().settings().headers)
    }

    #[func]
    fn set_supported_protocols(protocols: PackedStringArray) {
        let protocols = strings(&protocols);
        Self::this().configure(|settings| settings.protocols = protocols);
    }

    #[func]
    fn get_supported_protocols() -> PackedStringArray {
        packed(&Self::this().settings().protocols)
    }

    #[func]
    fn set_heartbeat_interval(interval: f64) {
        let this = Self::this();
        if let Ok(limit) = this.accept(numbers::limit("heartbeat_interval", interval)) {
            this.configure(|settings| settings.heartbeat = limit);
        }
    }

    #[func]
    fn get_heartbeat_interval() -> f64 {
        numbers::of_limit(Self::this().settings().heartbeat)
    }

    #[func]
    fn set_handshake_timeout(seconds: f64) {
        let this = Self::this();
        if let Ok(limit) = this.accept(numbers::limit("handshake_timeout", seconds)) {
            this.configure(|settings| settings.handshake_timeout = limit);
        }
    }

    #[func]
    fn get_handshake_timeout() -> f64 {
        numbers::of_limit(Self::this().settings().handshake_timeout)
    }

    #[func]
    fn set_inbound_buffer_size(buffer_size: i64) {
        let this = Self::this();
        let bytes = numbers::count_within(
            "inbound_buffer_size",
            buffer_size,
            numbers::POSITIVE_INT_SIZES,
        );
        if let Ok(bytes) = this.accept(bytes) {
            this.configure(|settings| settings.inbound_bytes = bytes);
        }
    }

    #[func]
    fn get_inbound_buffer_size() -> i64 {
        Self::this().settings().inbound_bytes as i64
    }

    #[func]
    fn set_outbound_buffer_size(buffer_size: i64) {
        let this = Self::this();
        let bytes = numbers::count_within("outbound_buffer_size", buffer_size, numbers::INT_SIZES);
        if let Ok(bytes) = this.accept(bytes) {
            this.configure(|settings| settings.outbound_bytes = bytes);
        }
    }

    #[func]
    fn get_outbound_buffer_size() -> i64 {
        Self::this().settings().outbound_bytes as i64
    }

    #[func]
    fn set_max_queued_packets(buffer_size: i64) {
        let this = Self::this();
        let count = numbers::count_within(
            "max_queued_packets",
            buffer_size,
            numbers::POSITIVE_INT_SIZES,
        );
        if let Ok(count) = this.accept(count) {
            this.configure(|settings| settings.queued_packets = count);
        }
    }

    #[func]
    fn get_max_queued_packets() -> i64 {
        Self::this().settings().queued_packets as i64
    }

    #[func]
    fn set_max_packets_per_poll(count: i64) {
        let this = Self::this();
        if let Ok(count) = this.accept(numbers::count("max_packets_per_poll", count)) {
            this.outlet.set_max_packets_per_poll(count);
        }
    }

    #[func]
    fn get_max_packets_per_poll() -> i64 {
        let count = Self::this().outlet.max_packets_per_poll();
        i64::try_from(count).unwrap_or(i64::MAX)
    }

    #[func]
    fn set_max_message_bytes(bytes: i64) {
        let this = Self::this();
        let bytes = numbers::count_within("max_message_bytes", bytes, numbers::INT_SIZES);
        if let Ok(bytes) = this.accept(bytes) {
            this.configure(|settings| settings.message_bytes = bytes);
        }
    }

    #[func]
    fn get_max_message_bytes() -> i64 {
        Self::this().settings().message_bytes as i64
    }

    #[func]
    fn set_max_frame_bytes(bytes: i64) {
        let this = Self::this();
        let bytes = numbers::count_within("max_frame_bytes", bytes, numbers::INT_SIZES);
        if let Ok(bytes) = this.accept(bytes) {
            this.configure(|settings| settings.frame_bytes = bytes);
        }
    }

    #[func]
    fn get_max_frame_bytes() -> i64 {
        Self::this().settings().frame_bytes as i64
    }

    #[func]
    fn set_keep_alive_in_background(enabled: bool) {
        let this = Self::this();
        if let Err(why) = this.set_kept_alive(enabled) {
            this.refuse(&format!("keep_alive_in_background: {why}"));
        }
    }

    #[func]
    fn is_kept_alive_in_background() -> bool {
        Self::this().settings().is_kept_alive
    }

    #[func]
    fn set_compression(allowed: bool) {
        Self::this().configure(|settings| settings.compresses = allowed);
    }

    #[func]
    fn is_compression_allowed() -> bool {
        Self::this().settings().compresses
    }

    #[func]
    fn set_compression_threshold(bytes: i64) {
        let this = Self::this();
        let bytes = numbers::count_within("compression_threshold", bytes, numbers::INT_SIZES);
        if let Ok(bytes) = this.accept(bytes) {
            this.configure(|settings| settings.compression_threshold = bytes);
        }
    }

    #[func]
    fn get_compression_threshold() -> i64 {
        Self::this().settings().compression_threshold as i64
    }

    #[func]
    fn set_compression_window_bits(bits: i64) {
        let this = Self::this();
        let bits = numbers::count_within("compression_window_bits", bits, 9..=15);
        if let Ok(bits) = this.accept(bits) {
            this.configure(|settings| settings.window_bits = bits as u8);
        }
    }

    #[func]
    fn get_compression_window_bits() -> i64 {
        Self::this().settings().window_bits.into()
    }

    #[func]
    fn set_compression_context_takeover(enabled: bool) {
        Self::this().configure(|settings| settings.keeps_context = enabled);
    }

    #[func]
    fn is_compression_context_kept() -> bool {
        Self::this().settings().keeps_context
    }
}

fn strings(texts: &PackedStringArray) -> Vec<String> {
    texts.as_slice().iter().map(GString::to_string).collect()
}

fn packed(texts: &[String]) -> PackedStringArray {
    texts.iter().map(GString::from).collect()
}
