//! What can go wrong with a message.

mod code;

use std::error::Error as StdError;
use std::fmt;
use std::io;

use http::HeaderName;

use crate::wasi::{ErrorCode, HeaderError};

type BoxError = Box<dyn StdError + Send + Sync>;

/// Why a message was not sent or not received.
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    source: Option<BoxError>,
}

#[derive(Debug)]
enum Kind {
    /// The host says so by a code of `wasi:http`.
    Code(ErrorCode),
    /// The host says so of a stream, without a code.
    #[cfg(not(any(target_env = "p3", wasip3)))]
    Stream(String),
    /// The host does not take a field.
    Field(HeaderName, HeaderError),
    /// The fields are larger than hosts take.
    FieldsTooLarge { size: usize, limit: usize },
    /// The host does not take this part of a request.
    Request(&'static str, String),
    /// The body that is being sent failed.
    Body,
    /// The service that was to answer failed.
    Service,
    /// The runtime could not wait.
    #[cfg(not(any(target_env = "p3", wasip3)))]
    Wait,
}

impl Error {
    fn new(kind: Kind, source: Option<BoxError>) -> Error {
        Error(Box::new(Inner { kind, source }))
    }

    /// The host's code, unless the error has another cause.
    pub fn code(&self) -> Option<&ErrorCode> {
        match &self.0.kind {
            Kind::Code(code) => Some(code),
            _ => None,
        }
    }

    /// Whether a time limit of the host was over.
    pub fn is_timeout(&self) -> bool {
        self.code().is_some_and(code::is_timeout)
    }

    /// Whether there was no connection, and so nothing was sent.
    ///
    /// The name was not found, nothing answered or let itself be reached, or
    /// TLS could not be agreed on.
    pub fn is_connect(&self) -> bool {
        self.code().is_some_and(code::is_connect)
    }

    /// Whether the name could not be looked up.
    pub fn is_dns(&self) -> bool {
        self.code().is_some_and(code::is_dns)
    }

    /// Whether the body that was being sent failed by itself.
    pub fn is_user_body(&self) -> bool {
        matches!(self.0.kind, Kind::Body)
    }

    /// The field that the host does not take.
    pub fn field(&self) -> Option<&HeaderName> {
        match &self.0.kind {
            Kind::Field(name, _) => Some(name),
            _ => None,
        }
    }

    /// What the host says of a stream that it has no code for.
    #[cfg(not(any(target_env = "p3", wasip3)))]
    pub(crate) fn stream(said: String) -> Error {
        Error::new(Kind::Stream(said), None)
    }

    pub(crate) fn refused_field(name: HeaderName, reason: HeaderError) -> Error {
        Error::new(Kind::Field(name, reason), None)
    }

    pub(crate) fn fields_too_large(size: usize, limit: usize) -> Error {
        Error::new(Kind::FieldsTooLarge { size, limit }, None)
    }

    /// `part` of a request, which is `value`.
    pub(crate) fn refused_part(part: &'static str, value: impl fmt::Display) -> Error {
        Error::new(Kind::Request(part, value.to_string()), None)
    }

    pub(crate) fn body(source: impl Into<BoxError>) -> Error {
        Error::new(Kind::Body, Some(source.into()))
    }

    pub(crate) fn service(source: impl Into<BoxError>) -> Error {
        Error::new(Kind::Service, Some(source.into()))
    }

    #[cfg(not(any(target_env = "p3", wasip3)))]
    pub(crate) fn wait(source: io::Error) -> Error {
        Error::new(Kind::Wait, Some(source.into()))
    }
}

impl From<ErrorCode> for Error {
    fn from(code: ErrorCode) -> Error {
        let source = code::io_error_kind(&code).map(|kind| io::Error::from(kind).into());
        Error::new(Kind::Code(code), source)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tuple = f.debug_tuple("wasi_hyper::Error");
        tuple.field(&self.0.kind);
        if let Some(source) = &self.0.source {
            tuple.field(source);
        }
        tuple.finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            Kind::Code(code) => code::describe(code, f),
            #[cfg(not(any(target_env = "p3", wasip3)))]
            Kind::Stream(said) => write!(f, "the host could not go on with the body: {said}"),
            Kind::Field(name, HeaderError::Forbidden) => write!(
                f,
                "the header `{name}` is not allowed over wasi:http, where the host sees to the \
                 connection"
            ),
            Kind::Field(name, _) => write!(f, "the host does not take the header `{name}`"),
            Kind::FieldsTooLarge { size, limit } => write!(
                f,
                "the headers take {size} bytes of a host's memory, and hosts allow {limit}"
            ),
            Kind::Request(part, value) => {
                write!(f, "the {part} `{value}` cannot be sent over wasi:http")
            }
            Kind::Body => f.write_str("the body that is being sent failed"),
            Kind::Service => f.write_str("the service gave no response"),
            #[cfg(not(any(target_env = "p3", wasip3)))]
            Kind::Wait => f.write_str("the runtime could not wait for the host"),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| &**source as _)
    }
}
