//! A QUIC server and its client, over UDP on loopback.

use std::time::Duration;

use quinn::rustls::RootCertStore;
use quinn::{ClientConfig, Connection, Endpoint, ServerConfig, VarInt};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

type Failure = Box<dyn std::error::Error>;

/// Echoes streams and datagrams.
async fn serve(endpoint: Endpoint) {
    while let Some(incoming) = endpoint.accept().await {
        tokio::spawn(async move {
            let connection = incoming.await.unwrap();
            let datagrams = connection.clone();
            tokio::spawn(async move {
                while let Ok(datagram) = datagrams.read_datagram().await {
                    datagrams.send_datagram(datagram).unwrap();
                }
            });
            while let Ok((mut send, mut receive)) = connection.accept_bi().await {
                tokio::spawn(async move {
                    while let Ok(Some(chunk)) = receive.read_chunk(1 << 16, true).await {
                        send.write_chunk(chunk.bytes).await.unwrap();
                    }
                    send.finish().ok();
                });
            }
        });
    }
}

async fn echo(connection: &Connection, data: &[u8]) -> Result<Vec<u8>, Failure> {
    let (mut send, mut receive) = connection.open_bi().await?;
    let (_, received) = tokio::try_join!(
        async {
            send.write_all(data).await?;
            send.finish()?;
            Ok::<_, Failure>(())
        },
        async { Ok(receive.read_to_end(data.len()).await?) }
    )?;
    Ok(received)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let authority =
        CertificateDer::from_pem_slice(include_bytes!("../../certificates/authority.pem"))?;
    let certificate =
        CertificateDer::from_pem_slice(include_bytes!("../../certificates/localhost.pem"))?;
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../../certificates/localhost.key"))?;
    let config = ServerConfig::with_single_cert(vec![certificate], key)?;
    let server = Endpoint::server(config, "127.0.0.1:0".parse()?)?;
    let address = server.local_addr()?;
    tokio::spawn(serve(server.clone()));
    let mut roots = RootCertStore::empty();
    roots.add(authority)?;
    let mut client = Endpoint::client("127.0.0.1:0".parse()?)?;
    client.set_default_client_config(ClientConfig::with_root_certificates(roots.into())?);

    let connection = client.connect(address, "localhost")?.await?;
    checks::equal("the peer", connection.remote_address(), address);
    checks::equal("an echo", echo(&connection, b"hello").await?, b"hello");
    let large: Vec<u8> = (0..2 << 20).map(|number| number as u8).collect();
    checks::that(
        "two megabytes come back",
        echo(&connection, &large).await? == large,
    );

    let streams = (0..50u32).map(|number| {
        let connection = connection.clone();
        async move { echo(&connection, number.to_string().as_bytes()).await }
    });
    let streams = futures_util::future::try_join_all(streams).await?;
    for (number, answer) in streams.iter().enumerate() {
        checks::equal("streams at once", answer, &number.to_string().into_bytes());
    }

    connection.send_datagram(b"datagram"[..].into())?;
    let datagram =
        tokio::time::timeout(Duration::from_secs(5), connection.read_datagram()).await??;
    checks::equal("a datagram", datagram.as_ref(), b"datagram");
    checks::that("a round trip", connection.rtt() < Duration::from_secs(1));

    connection.close(VarInt::from_u32(0), b"done");
    client.wait_idle().await;
    server.close(VarInt::from_u32(0), b"done");
    checks::finish();
    Ok(())
}
