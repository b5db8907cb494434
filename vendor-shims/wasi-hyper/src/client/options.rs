//! Time limits of a request.

use std::time::Duration;

use crate::wasi;

/// Time limits that the host keeps for one request.
///
/// Put it into the request's extensions. Where a limit is `None`, the host has
/// its own; Wasmtime's are 600 seconds each. A limit that the host cannot set
/// is an error of the request.
///
/// # References
///
/// - [`wasi:http/types.request-options`]
///
/// [`wasi:http/types.request-options`]: https://github.com/WebAssembly/wasi-http/blob/main/wit/types.wit
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestOptions {
    /// For connecting, and for TLS.
    pub connect_timeout: Option<Duration>,
    /// From the connection to the first byte of the response.
    pub first_byte_timeout: Option<Duration>,
    /// From one piece of the response's body to the next.
    pub between_bytes_timeout: Option<Duration>,
}

impl RequestOptions {
    /// None if no limit is set; the error names the one that cannot be.
    pub(super) fn to_host(self) -> Result<Option<wasi::RequestOptions>, &'static str> {
        if self == RequestOptions::default() {
            return Ok(None);
        }
        // The host's unit is nanoseconds, of which 584 years fit.
        let host = |limit: Duration| u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        let options = wasi::RequestOptions::new();
        options
            .set_connect_timeout(self.connect_timeout.map(host))
            .map_err(|_| "connect timeout")?;
        options
            .set_first_byte_timeout(self.first_byte_timeout.map(host))
            .map_err(|_| "first-byte timeout")?;
        options
            .set_between_bytes_timeout(self.between_bytes_timeout.map(host))
            .map_err(|_| "between-bytes timeout")?;
        Ok(Some(options))
    }
}
