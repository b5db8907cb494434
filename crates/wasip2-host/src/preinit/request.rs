//! A request that a component is to answer, as the command line says it.

use std::fmt;
use std::str::FromStr;

use http::Method;
use http::uri::PathAndQuery;

/// A request to answer: `[METHOD ]PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: Method,
    pub path: PathAndQuery,
}

impl Default for Request {
    fn default() -> Request {
        Request {
            method: Method::GET,
            path: PathAndQuery::from_static("/"),
        }
    }
}

impl FromStr for Request {
    type Err = String;

    fn from_str(text: &str) -> Result<Request, String> {
        let (method, path) = text.split_once(' ').unwrap_or(("GET", text));
        if !path.starts_with('/') {
            return Err("a path begins with `/`, as in `GET /` or `/health`".to_owned());
        }
        Ok(Request {
            method: method
                .parse()
                .map_err(|_| format!("`{method}` is not a method"))?,
            path: path
                .parse()
                .map_err(|_| format!("`{path}` is not a path"))?,
        })
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_a_method_and_a_path() {
        let request: Request = "POST /notes?a=b".parse().unwrap();
        assert_eq!(request.to_string(), "POST /notes?a=b");
        let request: Request = "/health".parse().unwrap();
        assert_eq!(request.to_string(), "GET /health");
        assert_eq!("GET /".parse(), Ok(Request::default()));
        for wrong in ["", "health", "GET", "GET health", "G(T /", "GET /a b"] {
            assert!(wrong.parse::<Request>().is_err(), "{wrong}");
        }
    }
}
