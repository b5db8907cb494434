//! Serving requests: not yet on WASI 0.3.

/// Would export a service as `wasi:http/handler`, and is an error that says what
/// to do.
#[macro_export]
macro_rules! serve {
    ($($service:tt)*) => {
        compile_error!(
            "wasi_hyper::serve! is for WASI 0.2 so far: build the handler for that, by \
             `cargo wasip2 init --wasi 0.2`"
        );
    };
}

/// Would have a component stand in front of another one's handler, and is an
/// error that says what to do.
#[macro_export]
macro_rules! guard {
    ($($decide:tt)*) => {
        compile_error!(
            "wasi_hyper::guard! is for WASI 0.2 so far: build the guard for that, by \
             `cargo wasip2 init --wasi 0.2`"
        );
    };
}
