//! What the bindings have in every version of WASI, by the same names.

use wasip2::http::types::http_error_code;
use wasip2::io::error::Error as IoError;

pub use wasip2::http::types::ErrorCode;
pub(crate) use wasip2::http::types::{
    FieldSizePayload, Fields, HeaderError, IncomingRequest, Method, OutgoingRequest as Request,
    RequestOptions, Scheme,
};

use crate::Error;

/// What the host says of a request, but for its headers.
pub(crate) struct Head {
    pub(crate) method: Method,
    pub(crate) scheme: Option<Scheme>,
    pub(crate) authority: Option<String>,
    pub(crate) path: Option<String>,
}

/// That of `request`.
pub(crate) fn head(request: &IncomingRequest) -> Head {
    Head {
        method: request.method(),
        scheme: request.scheme(),
        authority: request.authority(),
        path: request.path_with_query(),
    }
}

/// The headers of `request`. They are its child, and gone before it.
pub(crate) fn headers(request: &IncomingRequest) -> Fields {
    request.headers()
}

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
