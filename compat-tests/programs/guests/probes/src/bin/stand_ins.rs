//! Looks at what the host may have replaced: `stand_ins WHAT [OPERAND]`.

use std::error::Error;
use std::time::{Duration, Instant, SystemTime};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_default();
    let operand = arguments.next().unwrap_or_default();
    match &*what {
        "sleep" => sleep(operand.parse()?).await,
        "limits" => limits().await,
        "random" => random(),
        "get" => get(&operand).await,
        "names" => {
            for address in tokio::net::lookup_host(&operand).await? {
                println!("{address}");
            }
        }
        "connect" => {
            tokio::net::TcpStream::connect(&operand).await?;
            println!("connected");
        }
        other => return Err(format!("there is no `{other}`").into()),
    }
    Ok(())
}

/// Three waits of so many seconds, and what the clocks say of them.
async fn sleep(seconds: u64) {
    let (instant, day) = (Instant::now(), SystemTime::now());
    let wait = Duration::from_secs(seconds);
    tokio::time::sleep(wait).await;
    let joined = tokio::join!(tokio::time::sleep(wait), tokio::time::sleep(wait / 2));
    let ((), ()) = joined;
    std::thread::sleep(wait);
    println!("{} s by Instant", instant.elapsed().as_secs());
    println!("{} s by SystemTime", day.elapsed().unwrap().as_secs());
    let epoch = day.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    println!("began in {}", 1970 + epoch.as_secs() / 31_556_952);
}

/// What is waited for besides decides, not the clock.
async fn limits() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        stream.readable().await.unwrap();
    });
    let connecting = async {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.writable().await.unwrap();
        stream.try_write(b"x").unwrap();
        server.await.unwrap();
    };
    let hour = Duration::from_secs(3600);
    match tokio::time::timeout(hour, connecting).await {
        Ok(()) => println!("in time"),
        Err(_) => println!("too late"),
    }
}

fn random() {
    let random = |hasher: std::hash::RandomState| {
        use std::hash::{BuildHasher, Hasher};
        hasher.build_hasher().finish()
    };
    println!(
        "{:x} {:x}",
        random(Default::default()),
        random(Default::default())
    );
}

async fn get(url: &str) {
    match reqwest::get(url).await {
        Ok(response) => {
            let status = response.status().as_u16();
            println!("{status} {}", response.text().await.unwrap());
        }
        Err(error) => {
            println!(
                "request {}, connect {}",
                error.is_request(),
                error.is_connect()
            );
            let mut source = error.source();
            while let Some(cause) = source {
                println!("because: {cause}");
                source = cause.source();
            }
        }
    }
}
