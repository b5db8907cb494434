//! An [`http::Response`] as a `wasi:http/types.outgoing-response`.

use http::header::{Entry, HeaderName, CONNECTION, CONTENT_LENGTH};
use http::response::Parts;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body::Body;
use wasip2::http::types::{OutgoingBody, OutgoingResponse};

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

/// The response to a request of `method`, and its body with where to write it,
/// unless there is nothing to write.
#[allow(clippy::type_complexity)]
pub(super) fn to_host<B: Body>(
    response: Response<B>,
    method: &Method,
) -> Result<(OutgoingResponse, Option<(OutgoingBody, B)>), Error> {
    let (parts, body) = response.into_parts();
    let length = body.size_hint().exact();
    let (response, message) = head(parts, method, length, body.is_end_stream())?;
    Ok((response, message.map(|message| (message, body))))
}

/// The response with this head, and where to write its body, which is so long or
/// `empty`, unless there is nothing to write.
pub(super) fn head(
    mut parts: Parts,
    method: &Method,
    length: Option<u64>,
    empty: bool,
) -> Result<(OutgoingResponse, Option<OutgoingBody>), Error> {
    let status = parts.status;
    drop_connection_headers(&mut parts.headers);
    set_length(&mut parts.headers, status, length);

    let response = OutgoingResponse::new(fields::to_host(&parts.headers)?);
    // It is 200 unless something else is said.
    if status != StatusCode::OK {
        response
            .set_status_code(status.as_u16())
            .map_err(|()| Error::refused_part("status", status))?;
    }
    // A body that is asked for and left empty would be sent as chunks.
    if !has_body(method, status) || empty || length == Some(0) {
        return Ok((response, None));
    }
    // It is refused for a `content-length` that is no number, too.
    let message = response
        .body()
        .map_err(|()| Error::refused_part("body", "with this content-length"))?;
    Ok((response, Some(message)))
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
fn set_length(headers: &mut HeaderMap, status: StatusCode, length: Option<u64>) {
    if status.is_informational() || status == StatusCode::NO_CONTENT {
        return;
    }
    if let (Some(length @ 1..), Entry::Vacant(entry)) = (length, headers.entry(CONTENT_LENGTH)) {
        entry.insert(length.into());
    }
}
