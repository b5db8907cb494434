//! A `wasi:http/types.incoming-request` as an [`http::Request`].

use http::header::{HeaderValue, HOST};
use http::uri::{self, Uri};
use http::{HeaderMap, Method, Request};
use wasip2::http::types::{self, IncomingRequest};

use crate::reactor::Reactor;
use crate::{fields, Incoming};

/// The request, unless HTTP does not allow it.
pub(super) fn from_host<R: Reactor>(
    request: IncomingRequest,
    reactor: &R,
) -> Option<Request<Incoming<R>>> {
    let head = head(&request)?;
    let expected = expects_body(head.method());
    let body = Incoming::of_request(request, head.headers(), expected, reactor.clone());
    Some(head.map(|()| body))
}

/// All of it but its body, unless HTTP does not allow it.
pub(super) fn head(request: &IncomingRequest) -> Option<Request<()>> {
    let mut head = Request::new(());
    *head.method_mut() = method(request.method())?;
    *head.uri_mut() = uri(request.path_with_query())?;
    // The headers are the request's child, and gone before it.
    *head.headers_mut() = fields::from_host(&request.headers());
    add_host(head.headers_mut(), request.authority())?;
    if let Some(scheme) = request.scheme().and_then(scheme) {
        head.extensions_mut().insert(scheme);
    }
    Some(head)
}

/// Whether a request of `method` is expected to have a body.
pub(super) fn expects_body(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD)
}

fn method(method: types::Method) -> Option<Method> {
    Some(match method {
        types::Method::Get => Method::GET,
        types::Method::Head => Method::HEAD,
        types::Method::Post => Method::POST,
        types::Method::Put => Method::PUT,
        types::Method::Delete => Method::DELETE,
        types::Method::Connect => Method::CONNECT,
        types::Method::Options => Method::OPTIONS,
        types::Method::Trace => Method::TRACE,
        types::Method::Patch => Method::PATCH,
        types::Method::Other(other) => Method::from_bytes(other.as_bytes()).ok()?,
    })
}

fn uri(path: Option<String>) -> Option<Uri> {
    match path {
        None => Some(Uri::from_static("/")),
        // A query may follow an empty path, and only there.
        Some(query) if query.is_empty() || query.starts_with('?') => {
            format!("/{query}").parse().ok()
        }
        Some(path) => {
            let uri = Uri::try_from(path).ok()?;
            // What is no path could be read as an authority.
            uri.authority().is_none().then_some(uri)
        }
    }
}

fn scheme(scheme: types::Scheme) -> Option<uri::Scheme> {
    match scheme {
        types::Scheme::Http => Some(uri::Scheme::HTTP),
        types::Scheme::Https => Some(uri::Scheme::HTTPS),
        types::Scheme::Other(other) => other.parse().ok(),
    }
}

/// Hosts tell the authority by itself, and keep the header back.
fn add_host(headers: &mut HeaderMap, authority: Option<String>) -> Option<()> {
    if let Some(authority) = authority {
        if !headers.contains_key(HOST) {
            headers.insert(HOST, HeaderValue::try_from(authority).ok()?);
        }
    }
    Some(())
}
