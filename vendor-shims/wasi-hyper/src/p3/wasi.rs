//! What the bindings have in every version of WASI, by the same names.

pub use wasip3::http::types::ErrorCode;
pub(crate) use wasip3::http::types::{
    FieldSizePayload, Fields, HeaderError, Method, Request, RequestOptions, Scheme,
};

/// The names and values of `fields`.
pub(crate) fn entries(fields: &Fields) -> Vec<(String, Vec<u8>)> {
    fields.copy_all()
}
