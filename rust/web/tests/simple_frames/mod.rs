//! A reader of frames that is slow and simple: it looks at whole streams, byte by byte.

use stream_socket_web::websocket::{Close, Event, FrameError, Message, Receiver, Role, close_code};

/// Compares the receiver, which gets `bytes` in pieces of these lengths, with the simple reader.
pub fn check(role: Role, limit: usize, pieces: &[u8], bytes: &[u8]) {
    let expected = read(role, limit, bytes);
    assert_eq!(receive(role, limit, pieces, bytes), expected, "{bytes:x?}");
}

type Outcome = (Vec<Event>, Option<FrameError>);

fn receive(role: Role, limit: usize, pieces: &[u8], bytes: &[u8]) -> Outcome {
    let mut receiver = Receiver::new(role, limit, None);
    let mut events = Vec::new();
    let mut lengths = pieces.iter().cycle();
    let mut rest = bytes;
    while !rest.is_empty() {
        let length = lengths
            .next()
            .map_or(1, |&length| usize::from(length).max(1));
        let (mut piece, behind) = rest.split_at(length.min(rest.len()));
        rest = behind;
        loop {
            match receiver.receive(&mut piece) {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => return (events, Some(error)),
            }
        }
        assert!(piece.is_empty());
    }
    (events, None)
}

/// The events in `bytes`, and the violation that ends them.
fn read(role: Role, limit: usize, bytes: &[u8]) -> Outcome {
    let mut events = Vec::new();
    let mut bytes = bytes.iter().copied();
    let mut message: Option<(bool, Vec<u8>)> = None;
    let result = read_all(role, limit, &mut bytes, &mut message, &mut events);
    (events, result.and_then(Result::err))
}

/// `None` at the end of the bytes.
fn read_all(
    role: Role,
    limit: usize,
    bytes: &mut impl Iterator<Item = u8>,
    message: &mut Option<(bool, Vec<u8>)>,
    events: &mut Vec<Event>,
) -> Option<Result<(), FrameError>> {
    loop {
        let first = bytes.next()?;
        let opcode = first & 15;
        if first & 0x70 != 0 {
            return Some(Err(FrameError::ReservedBit));
        }
        if !matches!(opcode, 0..=2 | 8..=10) {
            return Some(Err(FrameError::ReservedOpcode(opcode)));
        }
        let (fin, is_control) = (first >= 0x80, opcode >= 8);
        if is_control && !fin {
            return Some(Err(FrameError::FragmentedControl));
        }
        let second = bytes.next()?;
        match (role, second >= 0x80) {
            (Role::Server, false) => return Some(Err(FrameError::NotMasked)),
            (Role::Client, true) => return Some(Err(FrameError::Masked)),
            _ => {}
        }
        let mut length = u64::from(second & 127);
        if is_control && length > 125 {
            return Some(Err(FrameError::LongControl));
        }
        let (width, least) = match length {
            126 => (2, 126),
            127 => (8, 0x1_0000),
            _ => (0, 0),
        };
        if width > 0 {
            length = 0;
            for _ in 0..width {
                length = length << 8 | u64::from(bytes.next()?);
            }
            if length >> 63 != 0 {
                return Some(Err(FrameError::NegativeLength));
            }
            if length < least {
                return Some(Err(FrameError::LongLength));
            }
        }
        let mut key = [0; 4];
        if second >= 0x80 {
            for byte in &mut key {
                *byte = bytes.next()?;
            }
        }
        match (opcode, &message) {
            (0, None) => return Some(Err(FrameError::UnexpectedContinuation)),
            (1 | 2, Some(_)) => return Some(Err(FrameError::UnfinishedMessage)),
            (1 | 2, None) => *message = Some((opcode == 1, Vec::new())),
            _ => {}
        }
        let before = message.as_ref().map_or(0, |(_, payload)| payload.len());
        if !is_control && before as u64 + length > limit as u64 {
            return Some(Err(FrameError::TooBig(limit)));
        }
        let mut control = Vec::new();
        for index in 0..length {
            let byte = bytes.next()? ^ key[index as usize % 4];
            match message {
                Some((is_text, payload)) if !is_control => {
                    payload.push(byte);
                    let is_bad = |payload: &[u8]| {
                        std::str::from_utf8(payload).is_err_and(|error| error.error_len().is_some())
                    };
                    if *is_text && is_bad(payload) {
                        return Some(Err(FrameError::Text));
                    }
                }
                _ => control.push(byte),
            }
        }
        match opcode {
            8 => {
                let close = match &*control {
                    [] => None,
                    [_] => return Some(Err(FrameError::HalfCloseCode)),
                    [high, low, reason @ ..] => {
                        let code = u16::from_be_bytes([*high, *low]);
                        if !close_code::is_valid(code) {
                            return Some(Err(FrameError::CloseCode(code)));
                        }
                        match String::from_utf8(reason.to_vec()) {
                            Ok(reason) => Some(Close { code, reason }),
                            Err(_) => return Some(Err(FrameError::CloseReason)),
                        }
                    }
                };
                events.push(Event::Close(close));
                return None;
            }
            9 => events.push(Event::Ping(control)),
            10 => events.push(Event::Pong(control)),
            _ if fin => {
                let (is_text, payload) = message.take()?;
                if is_text && std::str::from_utf8(&payload).is_err() {
                    return Some(Err(FrameError::Text));
                }
                events.push(Event::Message(Message { is_text, payload }));
            }
            _ => {}
        }
    }
}
