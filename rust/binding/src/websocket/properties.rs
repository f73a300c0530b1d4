//! The properties of `WebSocketPeerRs`.

use godot::builtin::{GString, PackedStringArray};
use godot::prelude::godot_api;

use super::WebSocketPeerRs;
use crate::seconds;
use crate::shared_methods::Failing;

#[godot_api(secondary)]
impl WebSocketPeerRs {
    #[func]
    fn set_handshake_headers(&self, protocols: PackedStringArray) {
        // The argument has the name that it has in the engine.
        let headers = strings(&protocols);
        self.part.configure(|settings| settings.headers = headers);
    }

    #[func]
    fn get_handshake_headers(&self) -> PackedStringArray {
        packed(&self.part.settings().headers)
    }

    #[func]
    fn set_supported_protocols(&self, protocols: PackedStringArray) {
        let protocols = strings(&protocols);
        self.part
            .configure(|settings| settings.protocols = protocols);
    }

    #[func]
    fn get_supported_protocols(&self) -> PackedStringArray {
        packed(&self.part.settings().protocols)
    }

    #[func]
    fn set_heartbeat_interval(&self, interval: f64) {
        match seconds::limit(interval) {
            Ok(limit) => self.part.configure(|settings| settings.heartbeat = limit),
            Err(_) => drop(self.refuse(&format!(
                "heartbeat_interval: {interval} is not a valid number of seconds"
            ))),
        }
    }

    #[func]
    fn get_heartbeat_interval(&self) -> f64 {
        seconds::of_limit(self.part.settings().heartbeat)
    }

    #[func]
    fn set_handshake_timeout(&self, seconds: f64) {
        match seconds::limit(seconds) {
            Ok(limit) => self
                .part
                .configure(|settings| settings.handshake_timeout = limit),
            Err(_) => drop(self.refuse(&format!(
                "handshake_timeout: {seconds} is not a valid number of seconds"
            ))),
        }
    }

    #[func]
    fn get_handshake_timeout(&self) -> f64 {
        seconds::of_limit(self.part.settings().handshake_timeout)
    }

    #[func]
    fn set_inbound_buffer_size(&self, buffer_size: i64) {
        if let Some(bytes) = self.count("inbound_buffer_size", buffer_size, 1) {
            self.part
                .configure(|settings| settings.inbound_bytes = bytes);
        }
    }

    #[func]
    fn get_inbound_buffer_size(&self) -> i64 {
        self.part.settings().inbound_bytes as i64
    }

    #[func]
    fn set_outbound_buffer_size(&self, buffer_size: i64) {
        if let Some(bytes) = self.count("outbound_buffer_size", buffer_size, 0) {
            self.part
                .configure(|settings| settings.outbound_bytes = bytes);
        }
    }

    #[func]
    fn get_outbound_buffer_size(&self) -> i64 {
        self.part.settings().outbound_bytes as i64
    }

    #[func]
    fn set_max_queued_packets(&self, buffer_size: i64) {
        if let Some(count) = self.count("max_queued_packets", buffer_size, 1) {
            self.part
                .configure(|settings| settings.queued_packets = count);
        }
    }

    #[func]
    fn get_max_queued_packets(&self) -> i64 {
        self.part.settings().queued_packets as i64
    }

    #[func]
    fn set_max_message_bytes(&self, bytes: i64) {
        if let Some(bytes) = self.count("max_message_bytes", bytes, 0) {
            self.part
                .configure(|settings| settings.message_bytes = bytes);
        }
    }

    #[func]
    fn get_max_message_bytes(&self) -> i64 {
        self.part.settings().message_bytes as i64
    }

    #[func]
    fn set_max_frame_bytes(&self, bytes: i64) {
        if let Some(bytes) = self.count("max_frame_bytes", bytes, 0) {
            self.part.configure(|settings| settings.frame_bytes = bytes);
        }
    }

    #[func]
    fn get_max_frame_bytes(&self) -> i64 {
        self.part.settings().frame_bytes as i64
    }

    #[func]
    fn set_keep_alive_in_background(&self, enabled: bool) {
        if let Err(why) = self.part.set_kept_alive(enabled) {
            self.refuse(&why);
        }
    }

    #[func]
    fn is_kept_alive_in_background(&self) -> bool {
        self.part.settings().is_kept_alive
    }

    #[func]
    fn set_compression(&self, allowed: bool) {
        self.part
            .configure(|settings| settings.compresses = allowed);
    }

    #[func]
    fn is_compression_allowed(&self) -> bool {
        self.part.settings().compresses
    }

    #[func]
    fn set_compression_threshold(&self, bytes: i64) {
        if let Some(bytes) = self.count("compression_threshold", bytes, 0) {
            self.part
                .configure(|settings| settings.compression_threshold = bytes);
        }
    }

    #[func]
    fn get_compression_threshold(&self) -> i64 {
        self.part.settings().compression_threshold as i64
    }

    #[func]
    fn set_compression_window_bits(&self, bits: i64) {
        match u8::try_from(bits) {
            Ok(bits @ 9..=15) => self.part.configure(|settings| settings.window_bits = bits),
            _ => drop(self.refuse(&format!(
                "compression_window_bits: {bits} is not between 9 and 15"
            ))),
        }
    }

    #[func]
    fn get_compression_window_bits(&self) -> i64 {
        self.part.settings().window_bits.into()
    }

    #[func]
    fn set_compression_context_takeover(&self, enabled: bool) {
        self.part
            .configure(|settings| settings.keeps_context = enabled);
    }

    #[func]
    fn is_compression_context_kept(&self) -> bool {
        self.part.settings().keeps_context
    }
}

impl WebSocketPeerRs {
    /// The value of a property that is a number of at least `least`. Others are refused. Godot
    /// counts the bytes of a packet with a 32-bit int.
    fn count(&self, property: &str, value: i64, least: i64) -> Option<usize> {
        match usize::try_from(value) {
            Ok(count) if value >= least && value <= i64::from(i32::MAX) => Some(count),
            _ => {
                let most = i32::MAX;
                self.refuse(&format!(
                    "{property}: {value} is not between {least} and {most}"
                ));
                None
            }
        }
    }
}

fn strings(texts: &PackedStringArray) -> Vec<String> {
    texts.as_slice().iter().map(GString::to_string).collect()
}

fn packed(texts: &[String]) -> PackedStringArray {
    texts.iter().map(GString::from).collect()
}
