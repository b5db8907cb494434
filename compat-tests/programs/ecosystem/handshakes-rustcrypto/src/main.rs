//! rustls with rustls-rustcrypto, against the `openssl` command.

use std::sync::Arc;

use handshakes::with_rustls::Rustls;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let provider = Arc::new(rustls_rustcrypto::provider());
    handshakes::all(Rustls(provider)).await?;
    checks::finish();
    Ok(())
}
