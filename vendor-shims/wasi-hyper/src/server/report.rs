//! What went wrong with a response, for a host's operator.

use std::error::Error as StdError;

use crate::Error;

/// Nobody takes an export's errors: standard error is where a host's operator
/// finds them.
pub(super) fn report(error: &Error) {
    let mut text = format!("a response failed: {error}");
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    eprintln!("{text}");
}
