//! What the bindings have in every version of WASI, by the same names.

pub use wasip3::http::types::ErrorCode;
pub(crate) use wasip3::http::types::{
    FieldSizePayload, Fields, HeaderError, Method, Request, Request as IncomingRequest,
    RequestOptions, Scheme,
};

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
        method: request.get_method(),
        scheme: request.get_scheme(),
        authority: request.get_authority(),
        path: request.get_path_with_query(),
    }
}

/// The headers of `request`.
pub(crate) fn headers(request: &IncomingRequest) -> Fields {
    request.get_headers()
}

/// The names and values of `fields`.
pub(crate) fn entries(fields: &Fields) -> Vec<(String, Vec<u8>)> {
    fields.copy_all()
}
