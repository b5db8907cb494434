//! hickory-resolver asks a name server, over UDP and TCP on loopback.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hickory_resolver::Resolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, MX, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

/// The answer to a question; over UDP, a long one is cut off.
fn answer(question: &[u8], cut_off: bool) -> Vec<u8> {
    let question = Message::from_vec(question).unwrap();
    let query = question.queries[0].clone();
    let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
    answer.add_query(query.clone());
    let name = query.name().clone();
    let data = match (name.to_ascii().as_str(), query.query_type()) {
        ("host.test.", RecordType::A) => RData::A(A(Ipv4Addr::new(192, 0, 2, 7))),
        ("host.test.", RecordType::AAAA) => RData::AAAA(AAAA(Ipv6Addr::LOCALHOST)),
        ("host.test.", RecordType::MX) => {
            RData::MX(MX::new(10, Name::from_ascii("mail.test.").unwrap()))
        }
        ("long.test.", RecordType::TXT) if cut_off => {
            answer.metadata.truncation = true;
            return answer.to_vec().unwrap();
        }
        ("long.test.", RecordType::TXT) => RData::TXT(TXT::new(vec!["x".repeat(200); 10])),
        _ => {
            answer.metadata.response_code = ResponseCode::NXDomain;
            return answer.to_vec().unwrap();
        }
    };
    answer.add_answer(Record::from_rdata(name, 60, data));
    answer.to_vec().unwrap()
}

async fn serve(datagrams: UdpSocket, listener: TcpListener) -> std::io::Result<()> {
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                while let Ok(length) = stream.read_u16().await {
                    let mut question = vec![0; length.into()];
                    stream.read_exact(&mut question).await?;
                    let answer = answer(&question, false);
                    stream.write_u16(answer.len() as u16).await?;
                    stream.write_all(&answer).await?;
                }
                Ok::<_, std::io::Error>(())
            });
        }
    });
    let mut buffer = [0; 2048];
    loop {
        let (length, from) = datagrams.recv_from(&mut buffer).await?;
        datagrams
            .send_to(&answer(&buffer[..length], true), from)
            .await?;
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let datagrams = UdpSocket::bind(address).await?;
    tokio::spawn(serve(datagrams, listener));

    let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
    for connection in &mut connections {
        connection.port = address.port();
    }
    let server = NameServerConfig::new(address.ip(), true, connections);
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
    let resolver =
        Resolver::builder_with_config(config, TokioRuntimeProvider::default()).build()?;

    let found: Vec<IpAddr> = resolver.lookup_ip("host.test.").await?.iter().collect();
    checks::that("an address", found.contains(&IpAddr::from([192, 0, 2, 7])));
    let found = resolver.lookup("host.test.", RecordType::AAAA).await?;
    checks::equal(
        "an IPv6 address",
        &found.answers()[0].data,
        &RData::AAAA(AAAA(Ipv6Addr::LOCALHOST)),
    );
    let found = resolver.mx_lookup("host.test.").await?;
    checks::that(
        "a mail server",
        found.answers()[0].data.to_string().contains("mail.test."),
    );
    let found = resolver.txt_lookup("long.test.").await?;
    checks::that(
        "a long answer, over TCP",
        found.answers()[0].data.to_string().len() >= 2000,
    );
    let error = resolver.lookup_ip("nothing.test.").await.unwrap_err();
    checks::that("no such name", error.is_no_records_found());

    let lookups = (0..20).map(|_| {
        let resolver = resolver.clone();
        tokio::spawn(async move {
            resolver.clear_cache();
            resolver
                .lookup_ip("host.test.")
                .await
                .map(|found| found.iter().count())
        })
    });
    for lookup in lookups.collect::<Vec<_>>() {
        checks::that("lookups at once", lookup.await?? >= 1);
    }
    checks::finish();
    Ok(())
}
