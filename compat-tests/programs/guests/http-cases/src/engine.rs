//! What sends the requests.

use std::error::Error;

use reqwest::{Certificate, ClientBuilder};

/// What sends a client's requests.
#[derive(Clone)]
pub struct Engine {
    way: Way,
    /// What it trusts besides.
    certificate: Option<Certificate>,
}

#[derive(Clone, Copy)]
enum Way {
    Default,
    Sockets,
    Http2,
}

impl Engine {
    /// The engine of this name.
    pub fn find(name: &str) -> Result<Engine, Box<dyn Error>> {
        let way = match name {
            "default" => Way::Default,
            "sockets" => Way::Sockets,
            "http2" => Way::Http2,
            other => return Err(format!("there is no engine `{other}`").into()),
        };
        // Natively, reqwest brings a provider with it.
        #[cfg(target_os = "wasi")]
        if !matches!(way, Way::Default) {
            rustls_rustcrypto::provider()
                .install_default()
                .expect("none is installed yet");
        }
        let certificate = match std::env::var("CERTIFICATE") {
            Ok(pem) => Some(Certificate::from_pem(pem.as_bytes())?),
            Err(_) => None,
        };
        Ok(Engine { way, certificate })
    }

    /// Whether it begins every connection with HTTP/2.
    pub fn is_http2(&self) -> bool {
        matches!(self.way, Way::Http2)
    }

    /// For a client that it is for.
    pub fn builder(&self) -> ClientBuilder {
        #[cfg(target_os = "wasi")]
        let builder = match self.way {
            Way::Default => ClientBuilder::new(),
            Way::Sockets | Way::Http2 => ClientBuilder::with_sockets(),
        };
        #[cfg(not(target_os = "wasi"))]
        let builder = ClientBuilder::new();
        let builder = match &self.certificate {
            Some(certificate) => builder.add_root_certificate(certificate.clone()),
            None => builder,
        };
        match self.way {
            Way::Default | Way::Sockets => builder,
            Way::Http2 => builder.http2_prior_knowledge(),
        }
    }
}
