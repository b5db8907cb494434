//! An [`http::Response`] as a response of the host's.

use http::header::{Entry, HeaderName, CONNECTION, CONTENT_LENGTH};
use http::response::Parts;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body::Body;

use crate::wasi::Fields;
use crate::{fields, Error};

/// The headers that are about a connection.
const ABOUT_CONNECTION: [&str; 6] = [
    "connection",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];

/// What is sent of a response.
pub(super) struct Sent<B> {
    pub(super) status: StatusCode,
    pub(super) headers: Fields,
    /// How long its headers say that it is.
    #[cfg(any(target_env = "p3", wasip3))]
    pub(super) length: Option<u64>,
    /// None if there is nothing to be sent.
    pub(super) body: Option<B>,
}

/// What is sent of the response to a request of `method`.
pub(super) fn sent<B: Body>(response: Response<B>, method: &Method) -> Result<Sent<B>, Error> {
    let (parts, body) = response.into_parts();
    let sent = head(
        parts,
        method,
        body.size_hint().exact(),
        body.is_end_stream(),
    )?;
    Ok(Sent {
        status: sent.status,
        headers: sent.headers,
        #[cfg(any(target_env = "p3", wasip3))]
        length: sent.length,
        body: sent.body.map(|()| body),
    })
}

/// What is sent of a response with this head and a body that is so long, or
/// `empty`.
pub(super) fn head(
    mut parts: Parts,
    method: &Method,
    length: Option<u64>,
    empty: bool,
) -> Result<Sent<()>, Error> {
    let status = parts.status;
    drop_connection_headers(&mut parts.headers);
    let allowed = has_body(method, status);
    // A body that is asked for and left empty would be sent as chunks.
    let body = (allowed && !empty && length != Some(0)).then_some(());
    let is_empty = body.is_none() && allowed;
    set_length(&mut parts.headers, status, length, is_empty);
    Ok(Sent {
        status,
        headers: fields::to_host(&parts.headers)?,
        #[cfg(any(target_env = "p3", wasip3))]
        length: crate::body::content_length(&parts.headers),
        body,
    })
}

/// Whether HTTP allows a body in a response of `status` to `method`.
fn has_body(method: &Method, status: StatusCode) -> bool {
    *method != Method::HEAD
        && !status.is_informational()
        && !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// Drops what hyper's HTTP/2 server drops, for the same reason: it is about a
/// connection that is not the service's.
fn drop_connection_headers(headers: &mut HeaderMap) {
    // Few responses have any, and to look at each is less than to look for each.
    if !headers.keys().any(is_about_connection) {
        return;
    }
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in ABOUT_CONNECTION {
        headers.remove(name);
    }
}

fn is_about_connection(name: &HeaderName) -> bool {
    ABOUT_CONNECTION.contains(&name.as_str())
}

/// Says how long a body is, as hyper does.
fn set_length(headers: &mut HeaderMap, status: StatusCode, length: Option<u64>, is_empty: bool) {
    if status.is_informational() || status == StatusCode::NO_CONTENT {
        return;
    }
    let length = match length {
        Some(length @ 1..) => length,
        // Where it is not said, the host cannot tell before it has answered.
        _ if is_empty && EMPTY_IS_SAID => 0,
        _ => return,
    };
    if let Entry::Vacant(entry) = headers.entry(CONTENT_LENGTH) {
        entry.insert(length.into());
    }
}

/// Whether the length of an empty body has to be said. A host of WASI 0.2 knows
/// that there is none.
const EMPTY_IS_SAID: bool = cfg!(any(target_env = "p3", wasip3));
