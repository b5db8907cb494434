//! A request of the host's as an [`http::Request`].

use http::header::{HeaderValue, HOST};
use http::uri::{self, Uri};
use http::{HeaderMap, Method, Request};

use crate::reactor::Reactor;
use crate::wasi::{self, Head, IncomingRequest};
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
    let Head {
        method: said,
        scheme: by,
        authority,
        path,
    } = wasi::head(request);
    let mut head = Request::new(());
    *head.method_mut() = method(said)?;
    *head.uri_mut() = uri(path)?;
    *head.headers_mut() = fields::from_host(&wasi::headers(request));
    add_host(head.headers_mut(), authority)?;
    if let Some(scheme) = by.and_then(scheme) {
        head.extensions_mut().insert(scheme);
    }
    Some(head)
}

/// Whether a request of `method` is expected to have a body.
pub(super) fn expects_body(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD)
}

fn method(method: wasi::Method) -> Option<Method> {
    Some(match method {
        wasi::Method::Get => Method::GET,
        wasi::Method::Head => Method::HEAD,
        wasi::Method::Post => Method::POST,
        wasi::Method::Put => Method::PUT,
        wasi::Method::Delete => Method::DELETE,
        wasi::Method::Connect => Method::CONNECT,
        wasi::Method::Options => Method::OPTIONS,
        wasi::Method::Trace => Method::TRACE,
        wasi::Method::Patch => Method::PATCH,
        wasi::Method::Other(other) => Method::from_bytes(other.as_bytes()).ok()?,
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

fn scheme(scheme: wasi::Scheme) -> Option<uri::Scheme> {
    match scheme {
        wasi::Scheme::Http => Some(uri::Scheme::HTTP),
        wasi::Scheme::Https => Some(uri::Scheme::HTTPS),
        wasi::Scheme::Other(other) => other.parse().ok(),
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
