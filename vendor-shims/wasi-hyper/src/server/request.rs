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
    let Head {
        method: said,
        scheme: by,
        authority,
        path,
    } = wasi::head(&request);
    let method = method(said)?;
    let uri = uri(path)?;
    let scheme = by.and_then(scheme);
    let mut headers = fields::from_host(&wasi::headers(&request));
    add_host(&mut headers, authority)?;

    let expected = expects_body(&method);
    let body = Incoming::of_request(request, &headers, expected, reactor.clone());
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    if let Some(scheme) = scheme {
        request.extensions_mut().insert(scheme);
    }
    Some(request)
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
