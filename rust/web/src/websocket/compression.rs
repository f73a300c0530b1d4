//! The negotiation of permessage-deflate (RFC 7692, section 7.1).
//!
//! A client offers what it wants with [`Wanted::offer`], and checks the server's answer with
//! [`Wanted::check_response`]. A server answers the first offer that it can accept with
//! [`Wanted::accept`].

use std::fmt::Write;

use thiserror::Error;

use super::Role;

/// The name of the extension.
const NAME: &str = "permessage-deflate";

const SERVER_NO_CONTEXT: &str = "server_no_context_takeover";
const CLIENT_NO_CONTEXT: &str = "client_no_context_takeover";
const SERVER_BITS: &str = "server_max_window_bits";
const CLIENT_BITS: &str = "client_max_window_bits";

/// The window that is used if nothing is negotiated.
const FULL_WINDOW: u8 = 15;

/// The smallest window that the compressor of this library has. (RFC 7692 has 8, too.)
const MIN_WINDOW: u8 = 9;

/// How one end compresses its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    /// Whether each message is compressed on its own. Otherwise it may refer to earlier messages.
    pub no_context_takeover: bool,
    /// The logarithm of how far a message may refer back: 8 to 15.
    pub max_window_bits: u8,
}

/// What both ends have agreed upon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agreed {
    /// The messages of the client.
    pub client: Side,
    /// The messages of the server.
    pub server: Side,
}

/// What one end wants. The other end can only reduce it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The messages of the client.
    pub client: Side,
    /// The messages of the server.
    pub server: Side,
}

/// A server's answer that does not belong to the offer (RFC 6455, section 9.1).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExtensionError {
    /// An extension that the client has not offered.
    #[error("extension {0:?} was not offered")]
    NotOffered(String),
    /// A value that is not a list of extensions.
    #[error("malformed list of extensions {0:?}")]
    Malformed(String),
    /// The extension more than once.
    #[error("{NAME} is accepted more than once")]
    Repeated,
    /// A parameter that is unknown, repeated, invalid, or not covered by the offer.
    #[error("{NAME} is accepted with the parameter {0:?}")]
    Parameter(String),
    /// The offer asks for a server without context takeover, and the server has not agreed.
    #[error("{NAME} is accepted without {SERVER_NO_CONTEXT}")]
    Missing,
}

impl Default for Side {
    fn default() -> Side {
        Side {
            no_context_takeover: false,
            max_window_bits: FULL_WINDOW,
        }
    }
}

impl Agreed {
    /// How the end `role` compresses.
    pub fn side(&self, role: Role) -> Side {
        match role {
            Role::Client => self.client,
            Role::Server => self.server,
        }
    }
}

impl Wanted {
    /// The value of `Sec-WebSocket-Extensions` of a client.
    pub fn offer(&self) -> String {
        let mut offer = NAME.to_owned();
        if self.server.no_context_takeover {
            offer += "; ";
            offer += SERVER_NO_CONTEXT;
        }
        if self.client.no_context_takeover {
            offer += "; ";
            offer += CLIENT_NO_CONTEXT;
        }
        if self.server.max_window_bits < FULL_WINDOW {
            let _ = write!(offer, "; {SERVER_BITS}={}", self.server.max_window_bits);
        }
        // Without a value: the server may choose.
        let _ = match self.client.max_window_bits {
            FULL_WINDOW => write!(offer, "; {CLIENT_BITS}"),
            bits => write!(offer, "; {CLIENT_BITS}={bits}"),
        };
        offer
    }

    /// The answer of a server to the values of `Sec-WebSocket-Extensions`, which are joined by
    /// commas if there are several: the value of its own header, and what both have agreed upon.
    /// `None` if no offer can be accepted, or the list is malformed.
    pub fn accept(&self, offers: &str) -> Option<(String, Agreed)> {
        let offers = parse_list(offers)?;
        let mut offers = offers.iter().filter(|offer| offer.name == NAME);
        offers.find_map(|offer| self.accept_offer(offer))
    }

    fn accept_offer(&self, offer: &Extension<'_>) -> Option<(String, Agreed)> {
        let offered = Parameters::parse(offer).ok()?;
        let mut agreed = Agreed {
            client: self.client,
            server: self.server,
        };
        let mut answer = NAME.to_owned();
        agreed.server.no_context_takeover |= offered.server_no_context;
        if agreed.server.no_context_takeover {
            answer += "; ";
            answer += SERVER_NO_CONTEXT;
        }
        agreed.client.no_context_takeover |= offered.client_no_context;
        if agreed.client.no_context_takeover {
            answer += "; ";
            answer += CLIENT_NO_CONTEXT;
        }
        match offered.server_bits {
            // The compressor has no smaller window.
            Some(Some(bits)) if bits < MIN_WINDOW => return None,
            Some(Some(bits)) => {
                agreed.server.max_window_bits = bits.min(agreed.server.max_window_bits);
            }
            // A window without a size is invalid in an offer.
            Some(None) => return None,
            None => {}
        }
        if agreed.server.max_window_bits < FULL_WINDOW {
            let _ = write!(answer, "; {SERVER_BITS}={}", agreed.server.max_window_bits);
        }
        match offered.client_bits {
            Some(bits) => {
                let bits = bits.unwrap_or(FULL_WINDOW);
                agreed.client.max_window_bits = bits.min(agreed.client.max_window_bits);
                if agreed.client.max_window_bits < FULL_WINDOW {
                    let _ = write!(answer, "; {CLIENT_BITS}={}", agreed.client.max_window_bits);
                }
            }
            // A client that does not offer it cannot be asked for it.
            None => agreed.client.max_window_bits = FULL_WINDOW,
        }
        Some((answer, agreed))
    }

    /// Checks the server's answer to [`offer`](Self::offer). `None` if the server has not accepted
    /// the extension.
    ///
    /// # Errors
    /// The server has answered something that was not offered, and the client has to fail the
    /// connection.
    pub fn check_response(&self, response: &str) -> Result<Option<Agreed>, ExtensionError> {
        let accepted =
            parse_list(response).ok_or_else(|| ExtensionError::Malformed(response.to_owned()))?;
        let mut agreed = None;
        for extension in &accepted {
            if extension.name != NAME {
                return Err(ExtensionError::NotOffered(extension.name.to_owned()));
            }
            if agreed.is_some() {
                return Err(ExtensionError::Repeated);
            }
            agreed = Some(self.check_accepted(extension)?);
        }
        Ok(agreed)
    }

    fn check_accepted(&self, extension: &Extension<'_>) -> Result<Agreed, ExtensionError> {
        let accepted = Parameters::parse(extension).map_err(ExtensionError::Parameter)?;
        let bits = |accepted: Option<Option<u8>>, name: &str, wanted: u8| match accepted {
            None => Ok(None),
            Some(Some(bits)) if bits <= wanted => Ok(Some(bits)),
            Some(_) => Err(ExtensionError::Parameter(name.to_owned())),
        };
        let server_wanted = self.server.max_window_bits;
        let server_bits = match bits(accepted.server_bits, SERVER_BITS, server_wanted)? {
            Some(bits) => bits,
            None if server_wanted == FULL_WINDOW => FULL_WINDOW,
            // The server has ignored this parameter of the offer.
            None => return Err(ExtensionError::Parameter(SERVER_BITS.to_owned())),
        };
        let client_wanted = self.client.max_window_bits;
        let client_bits = bits(accepted.client_bits, CLIENT_BITS, client_wanted)?;
        if self.server.no_context_takeover && !accepted.server_no_context {
            return Err(ExtensionError::Missing);
        }
        Ok(Agreed {
            client: Side {
                no_context_takeover: self.client.no_context_takeover || accepted.client_no_context,
                max_window_bits: client_bits.unwrap_or(client_wanted),
            },
            server: Side {
                no_context_takeover: accepted.server_no_context,
                max_window_bits: server_bits,
            },
        })
    }
}

/// The parameters of the extension, in an offer or an answer. The outer `Option` is whether the
/// parameter is present, the inner one whether it has a value.
#[derive(Default)]
struct Parameters {
    server_no_context: bool,
    client_no_context: bool,
    server_bits: Option<Option<u8>>,
    client_bits: Option<Option<u8>>,
}

impl Parameters {
    /// The error is the name of the first parameter that is unknown, repeated or invalid.
    fn parse(extension: &Extension<'_>) -> Result<Parameters, String> {
        let mut parameters = Parameters::default();
        for (name, value) in &extension.parameters {
            let value = value.as_deref();
            let is_new = match *name {
                SERVER_NO_CONTEXT if value.is_none() => {
                    !std::mem::replace(&mut parameters.server_no_context, true)
                }
                CLIENT_NO_CONTEXT if value.is_none() => {
                    !std::mem::replace(&mut parameters.client_no_context, true)
                }
                SERVER_BITS | CLIENT_BITS => {
                    let bits = match value.map(window_bits) {
                        Some(None) => return Err((*name).to_owned()),
                        Some(bits) => bits,
                        None => None,
                    };
                    let place = match *name {
                        SERVER_BITS => &mut parameters.server_bits,
                        _ => &mut parameters.client_bits,
                    };
                    place.replace(bits).is_none()
                }
                _ => false,
            };
            if !is_new {
                return Err((*name).to_owned());
            }
        }
        Ok(parameters)
    }
}

/// A size of a window: 8 to 15, without a leading zero.
fn window_bits(value: &str) -> Option<u8> {
    match value {
        "8" | "9" | "10" | "11" | "12" | "13" | "14" | "15" => value.parse().ok(),
        _ => None,
    }
}

/// An extension with its parameters.
struct Extension<'a> {
    name: &'a str,
    parameters: Vec<(&'a str, Option<String>)>,
}

/// The extensions of a header (RFC 6455, section 9.1), or `None` if they are malformed.
fn parse_list(mut text: &str) -> Option<Vec<Extension<'_>>> {
    let mut extensions = Vec::new();
    loop {
        // Empty elements are allowed (RFC 9110, section 5.6.1.2).
        text = skip_blanks(text);
        if let Some(rest) = text.strip_prefix(',') {
            text = rest;
            continue;
        }
        if text.is_empty() {
            return Some(extensions);
        }
        let name = take_token(&mut text)?;
        let mut parameters = Vec::new();
        loop {
            text = skip_blanks(text);
            let Some(rest) = text.strip_prefix(';') else {
                break;
            };
            text = skip_blanks(rest);
            let name = take_token(&mut text)?;
            text = skip_blanks(text);
            let value = match text.strip_prefix('=') {
                Some(rest) => {
                    text = skip_blanks(rest);
                    Some(take_value(&mut text)?)
                }
                None => None,
            };
            parameters.push((name, value));
        }
        extensions.push(Extension { name, parameters });
        if !text.is_empty() && !text.starts_with(',') {
            return None;
        }
    }
}

fn skip_blanks(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

/// A token (RFC 9110, section 5.6.2).
fn take_token<'a>(text: &mut &'a str) -> Option<&'a str> {
    let is_other = |byte: u8| !byte.is_ascii_alphanumeric() && !b"!#$%&'*+-.^_`|~".contains(&byte);
    let end = text.bytes().position(is_other).unwrap_or(text.len());
    let (token, rest) = text.split_at(end);
    *text = rest;
    (!token.is_empty()).then_some(token)
}

/// A token, or a quoted string (RFC 9110, section 5.6.4) whose content has to be a token (RFC 6455,
/// section 9.1).
fn take_value(text: &mut &str) -> Option<String> {
    let Some(mut rest) = text.strip_prefix('"') else {
        return take_token(text).map(str::to_owned);
    };
    let mut value = String::new();
    loop {
        let mut chars = rest.chars();
        match chars.next()? {
            '"' => {
                *text = chars.as_str();
                let mut content = value.as_str();
                take_token(&mut content)?;
                return content.is_empty().then_some(value);
            }
            '\\' => value.push(chars.next()?),
            other => value.push(other),
        }
        rest = chars.as_str();
    }
}
