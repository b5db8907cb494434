//! Lets requests through to a handler that have the token in the variable
//! TOKEN, and answers others itself:
//!
//! ```text
//! cargo wasip2 compose guard.wasm --plug app.wasm
//! ```
//!
//! It decides by the head. On WASI 0.2 a component can hand a request on as it
//! came, but neither change it nor see the response.

use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{Request, Response, StatusCode};

fn decide(head: &Request<()>) -> Result<(), Response<&'static str>> {
    let token = std::env::var("TOKEN").unwrap_or_default();
    if token.is_empty() {
        return Err(refusal(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the variable TOKEN is not set\n",
        ));
    }
    let given = head.headers().get(AUTHORIZATION);
    match given.is_some_and(|given| *given == *format!("Bearer {token}")) {
        true => Ok(()),
        false => Err(refusal(StatusCode::UNAUTHORIZED, "a token is needed\n")),
    }
}

fn refusal(status: StatusCode, why: &'static str) -> Response<&'static str> {
    let mut refusal = Response::new(why);
    *refusal.status_mut() = status;
    if status == StatusCode::UNAUTHORIZED {
        let challenge = http::HeaderValue::from_static("Bearer");
        refusal.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    refusal
}

#[cfg(target_os = "wasi")]
wasi_hyper::guard!(decide);

fn main() {
    let _ = decide(&Request::new(()));
    eprintln!("this component stands in front of a handler: `cargo wasip2 compose`");
    std::process::exit(2);
}
