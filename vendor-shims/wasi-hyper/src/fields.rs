//! [`http::HeaderMap`] from and to `wasi:http/types.fields`.

use crate::wasi::{self, Fields, HeaderError};
use crate::Error;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The most that Wasmtime takes. It ends a component that goes beyond, so
/// this is checked first.
const LIMIT: usize = 128 * 1024;
/// What Wasmtime counts for a name, and for a value, beside its bytes.
const NAME: usize = 32;
const VALUE: usize = 40;

/// The fields of `headers`, in their order.
pub(crate) fn to_host(headers: &HeaderMap) -> Result<Fields, Error> {
    let size = size(headers);
    if size > LIMIT {
        return Err(Error::fields_too_large(size, LIMIT));
    }
    let entries: Vec<(String, Vec<u8>)> = headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_owned()))
        .collect();
    Fields::from_list(&entries).map_err(|error| refused(headers, error))
}

/// The headers of `fields`. What `http` has no way to say is left out, and a
/// host is not supposed to give it.
pub(crate) fn from_host(fields: &Fields) -> HeaderMap {
    let entries = wasi::entries(fields);
    let mut headers = HeaderMap::with_capacity(entries.len());
    for (name, value) in entries {
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_maybe_shared(bytes::Bytes::from(value)),
        ) {
            headers.append(name, value);
        }
    }
    headers
}

fn size(headers: &HeaderMap) -> usize {
    let names: usize = headers.keys().map(|name| name.as_str().len() + NAME).sum();
    let values: usize = headers.values().map(|value| value.len() + VALUE).sum();
    names + values
}

/// Finds the field that the host does not take: its error names none.
fn refused(headers: &HeaderMap, error: HeaderError) -> Error {
    for (name, value) in headers {
        let entry = (name.as_str().to_owned(), value.as_bytes().to_owned());
        if let Err(error) = Fields::from_list(&[entry]) {
            return Error::refused_field(name.clone(), error);
        }
    }
    Error::refused_part("header section", error)
}
