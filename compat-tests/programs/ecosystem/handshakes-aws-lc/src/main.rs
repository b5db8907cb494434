//! rustls with its default provider, aws-lc-rs, against the `openssl` command;
//! and reqwest's default features over sockets with it, trusting what
//! `SSL_CERT_FILE` names.

use std::error::Error;
use std::sync::Arc;

use handshakes::with_rustls::Rustls;
use handshakes::{CLIENTS, ask};
use reqwest::{Certificate, ClientBuilder};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    handshakes::all(Rustls(provider.clone())).await?;

    let found = rustls_native_certs::load_native_certs();
    checks::that("nothing goes wrong", found.errors.is_empty());
    checks::equal("what SSL_CERT_FILE names", found.certs.len(), 1);

    (*provider).clone().install_default().expect("the first");
    for (flag, shown) in [("tls1_2", "TLSv1.2"), ("tls1_3", "TLSv1.3")] {
        let url = format!("https://localhost:{}/", ask(&format!("page {flag}")).await?);
        let client = ClientBuilder::with_sockets().build()?;
        let response = client.get(&url).send().await?;
        checks::equal("the status", response.status().as_u16(), 200);
        checks::that("the version", response.text().await?.contains(shown));

        let others = Certificate::from_pem(CLIENTS)?;
        let client = ClientBuilder::with_sockets()
            .tls_certs_only([others])
            .build()?;
        let refused = client.get(&url).send().await.unwrap_err();
        checks::that("an unknown authority", refused.is_connect());
    }
    checks::finish();
    Ok(())
}
