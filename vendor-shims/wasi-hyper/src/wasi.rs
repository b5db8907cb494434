//! What the bindings have in every version of WASI, by the same names.

use wasip2::http::types::http_error_code;
use wasip2::io::error::Error as IoError;

pub use wasip2::http::types::ErrorCode;
pub(crate) use wasip2::http::types::{
    FieldSizePayload, Fields, HeaderError, Method, OutgoingRequest as Request, RequestOptions,
    Scheme,
};

use crate::Error;

/// The names and values of `fields`.
pub(crate) fn entries(fields: &Fields) -> Vec<(String, Vec<u8>)> {
    fields.entries()
}

/// The error of a stream, with the code that the host may have for it.
pub(crate) fn stream_error(error: IoError) -> Error {
    match http_error_code(&error) {
        Some(code) => code.into(),
        None => Error::stream(error.to_debug_string()),
    }
}
