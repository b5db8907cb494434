//! The codes of `wasi:http/types.error-code` in the terms of Rust's HTTP crates.

use std::fmt;
use std::io;

use crate::wasi::{ErrorCode, FieldSizePayload};

/// A time limit was over.
pub(super) fn is_timeout(code: &ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::DnsTimeout
            | ErrorCode::ConnectionTimeout
            | ErrorCode::ConnectionReadTimeout
            | ErrorCode::ConnectionWriteTimeout
            | ErrorCode::HttpResponseTimeout
    )
}

/// It did not come to a connection.
pub(super) fn is_connect(code: &ErrorCode) -> bool {
    is_dns(code)
        || matches!(
            code,
            ErrorCode::DestinationNotFound
                | ErrorCode::DestinationUnavailable
                | ErrorCode::DestinationIpProhibited
                | ErrorCode::DestinationIpUnroutable
                | ErrorCode::ConnectionRefused
                | ErrorCode::ConnectionTimeout
                | ErrorCode::ConnectionLimitReached
                | ErrorCode::TlsProtocolError
                | ErrorCode::TlsCertificateError
                | ErrorCode::TlsAlertReceived(_)
        )
}

/// The name was not found.
pub(super) fn is_dns(code: &ErrorCode) -> bool {
    matches!(code, ErrorCode::DnsTimeout | ErrorCode::DnsError(_))
}

/// What the same would be on a socket.
pub(super) fn io_error_kind(code: &ErrorCode) -> Option<io::ErrorKind> {
    Some(match code {
        code if is_timeout(code) => io::ErrorKind::TimedOut,
        ErrorCode::ConnectionRefused => io::ErrorKind::ConnectionRefused,
        ErrorCode::ConnectionTerminated => io::ErrorKind::ConnectionReset,
        ErrorCode::DestinationUnavailable | ErrorCode::DestinationIpUnroutable => {
            io::ErrorKind::HostUnreachable
        }
        ErrorCode::DestinationIpProhibited | ErrorCode::HttpRequestDenied => {
            io::ErrorKind::PermissionDenied
        }
        ErrorCode::HttpResponseIncomplete => io::ErrorKind::UnexpectedEof,
        _ => return None,
    })
}

/// The code in words, with all that the host says beside it.
pub(super) fn describe(code: &ErrorCode, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let said = match code {
        ErrorCode::DnsTimeout => "the lookup of the name took too long",
        ErrorCode::DnsError(payload) => {
            f.write_str("the name could not be looked up")?;
            detail(f, payload.rcode.as_ref())?;
            return detail(f, payload.info_code);
        }
        ErrorCode::DestinationNotFound => "the destination was not found",
        ErrorCode::DestinationUnavailable => "the destination is not available",
        ErrorCode::DestinationIpProhibited => "the destination's address is prohibited",
        ErrorCode::DestinationIpUnroutable => "the destination's address cannot be reached",
        ErrorCode::ConnectionRefused => "the connection was refused",
        ErrorCode::ConnectionTerminated => "the connection was terminated",
        ErrorCode::ConnectionTimeout => "connecting took too long",
        ErrorCode::ConnectionReadTimeout => "nothing was received for too long",
        ErrorCode::ConnectionWriteTimeout => "nothing could be sent for too long",
        ErrorCode::ConnectionLimitReached => "there are too many connections",
        ErrorCode::TlsProtocolError => "TLS failed",
        ErrorCode::TlsCertificateError => "the server's certificate is not accepted",
        ErrorCode::TlsAlertReceived(payload) => {
            f.write_str("the server ended TLS")?;
            detail(f, payload.alert_message.as_ref())?;
            return detail(f, payload.alert_id);
        }
        ErrorCode::HttpRequestDenied => "the host does not allow this request",
        ErrorCode::HttpRequestLengthRequired => "the request needs a content-length",
        ErrorCode::HttpRequestBodySize(size) => {
            f.write_str("the request's body is not as long as its content-length says")?;
            return detail(f, *size);
        }
        ErrorCode::HttpRequestMethodInvalid => "the request's method is invalid",
        ErrorCode::HttpRequestUriInvalid => "the request's URI is invalid",
        ErrorCode::HttpRequestUriTooLong => "the request's URI is too long",
        ErrorCode::HttpRequestHeaderSectionSize(size) => {
            f.write_str("the request's headers are too large")?;
            return detail(f, *size);
        }
        ErrorCode::HttpRequestHeaderSize(payload) => {
            f.write_str("a header of the request is too large")?;
            return payload.as_ref().map_or(Ok(()), |payload| field(f, payload));
        }
        ErrorCode::HttpRequestTrailerSectionSize(size) => {
            f.write_str("the request's trailers are too large")?;
            return detail(f, *size);
        }
        ErrorCode::HttpRequestTrailerSize(payload) => {
            f.write_str("a trailer of the request is too large")?;
            return field(f, payload);
        }
        ErrorCode::HttpResponseIncomplete => "the response ended too early",
        ErrorCode::HttpResponseHeaderSectionSize(size) => {
            f.write_str("the response's headers are too large")?;
            return detail(f, *size);
        }
        ErrorCode::HttpResponseHeaderSize(payload) => {
            f.write_str("a header of the response is too large")?;
            return field(f, payload);
        }
        ErrorCode::HttpResponseBodySize(size) => {
            f.write_str("the response's body is not as long as its content-length says")?;
            return detail(f, *size);
        }
        ErrorCode::HttpResponseTrailerSectionSize(size) => {
            f.write_str("the response's trailers are too large")?;
            return detail(f, *size);
        }
        ErrorCode::HttpResponseTrailerSize(payload) => {
            f.write_str("a trailer of the response is too large")?;
            return field(f, payload);
        }
        ErrorCode::HttpResponseTransferCoding(coding) => {
            f.write_str("the response's transfer coding is not known")?;
            return detail(f, coding.as_ref());
        }
        ErrorCode::HttpResponseContentCoding(coding) => {
            f.write_str("the response's content coding is not known")?;
            return detail(f, coding.as_ref());
        }
        ErrorCode::HttpResponseTimeout => "the response took too long",
        ErrorCode::HttpUpgradeFailed => "the upgrade failed",
        ErrorCode::HttpProtocolError => "the server does not follow HTTP",
        ErrorCode::LoopDetected => "the request goes in circles",
        ErrorCode::ConfigurationError => "the host is not configured for this request",
        ErrorCode::InternalError(said) => {
            f.write_str("the host failed")?;
            return detail(f, said.as_ref());
        }
    };
    f.write_str(said)
}

fn detail(f: &mut fmt::Formatter<'_>, value: Option<impl fmt::Display>) -> fmt::Result {
    value.map_or(Ok(()), |value| write!(f, ": {value}"))
}

fn field(f: &mut fmt::Formatter<'_>, payload: &FieldSizePayload) -> fmt::Result {
    detail(f, payload.field_name.as_ref())?;
    detail(f, payload.field_size)
}
