//! [`http::request::Parts`] as a request of `wasi:http/types`.

use crate::wasi::{self, Fields, HeaderError, Request, Scheme};
use crate::{fields, Error};
use http::header::{Entry, HeaderValue, CONTENT_LENGTH, HOST};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, Method};

/// The request that `new` makes of headers. Its body has `length` bytes if that
/// is known.
pub(super) fn to_host(
    parts: &mut Parts,
    length: Option<u64>,
    new: impl FnOnce(Fields) -> Request,
) -> Result<Request, Error> {
    let scheme = match parts.uri.scheme_str() {
        Some("http") => Scheme::Http,
        Some("https") => Scheme::Https,
        Some(other) => Scheme::Other(other.to_owned()),
        None => return Err(Error::refused_part("URI", &parts.uri)),
    };
    let authority = match parts.uri.authority() {
        Some(given) => authority(given, &scheme),
        None => return Err(Error::refused_part("URI", &parts.uri)),
    };
    drop_host(&mut parts.headers, authority, &scheme)?;
    set_length(&mut parts.headers, length);

    let request = new(fields::to_host(&parts.headers)?);
    // It is GET unless something else is said.
    if parts.method != Method::GET {
        request
            .set_method(&method(&parts.method))
            .map_err(|()| Error::refused_part("method", &parts.method))?;
    }
    request
        .set_scheme(Some(&scheme))
        .map_err(|()| Error::refused_part("scheme", parts.uri.scheme_str().unwrap_or_default()))?;
    request
        .set_authority(Some(authority))
        .map_err(|()| Error::refused_part("authority", authority))?;
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    request
        .set_path_with_query(Some(path))
        .map_err(|()| Error::refused_part("path", path))?;
    Ok(request)
}

/// The authority as a `host` header has it: without who asks, and without the
/// scheme's own port.
fn authority<'a>(given: &'a Authority, scheme: &Scheme) -> &'a str {
    match (given.port_u16(), scheme) {
        (None, _) | (Some(80), Scheme::Http) | (Some(443), Scheme::Https) => given.host(),
        (Some(_), _) => {
            let whole = given.as_str();
            whole.rsplit_once('@').map_or(whole, |(_, place)| place)
        }
    }
}

/// The host makes this header of the authority, and takes no other, nor two of
/// them. The scheme's own port may be said or not.
fn drop_host(headers: &mut HeaderMap, expected: &str, scheme: &Scheme) -> Result<(), Error> {
    if let Entry::Occupied(entry) = headers.entry(HOST) {
        let same = |value: &HeaderValue| {
            let said = Authority::try_from(value.as_bytes()).ok();
            said.is_some_and(|said| {
                !said.as_str().contains('@')
                    && authority(&said, scheme).eq_ignore_ascii_case(expected)
            })
        };
        if !entry.iter().all(same) {
            return Err(Error::refused_field(HOST, HeaderError::Forbidden));
        }
        if entry.iter().count() > 1 {
            return Err(Error::refused_field(HOST, HeaderError::InvalidSyntax));
        }
        entry.remove_entry_mult();
    }
    Ok(())
}

/// Says how long a body is, as hyper does.
fn set_length(headers: &mut HeaderMap, length: Option<u64>) {
    if let (Some(length @ 1..), Entry::Vacant(entry)) = (length, headers.entry(CONTENT_LENGTH)) {
        entry.insert(length.into());
    }
}

fn method(method: &Method) -> wasi::Method {
    match *method {
        Method::GET => wasi::Method::Get,
        Method::HEAD => wasi::Method::Head,
        Method::POST => wasi::Method::Post,
        Method::PUT => wasi::Method::Put,
        Method::DELETE => wasi::Method::Delete,
        Method::CONNECT => wasi::Method::Connect,
        Method::OPTIONS => wasi::Method::Options,
        Method::TRACE => wasi::Method::Trace,
        Method::PATCH => wasi::Method::Patch,
        ref other => wasi::Method::Other(other.as_str().to_owned()),
    }
}
