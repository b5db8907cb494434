//! redis does what a Redis client does.

use std::time::Duration;

use futures_util::{StreamExt, future};
use redis::{AsyncCommands, ErrorKind, RedisResult, Script};

#[tokio::main(flavor = "current_thread")]
async fn main() -> RedisResult<()> {
    let url = std::env::args().nth(1).expect("the server's URL");
    let client = redis::Client::open(url)?;
    let mut connection = client.get_multiplexed_async_connection().await?;

    let _: () = connection.set("greeting", "hello").await?;
    let greeting: String = connection.get("greeting").await?;
    checks::equal("a value", greeting, "hello");
    let nothing: Option<String> = connection.get("nothing").await?;
    checks::equal("no value", nothing, None::<String>);

    let (one, list): (i64, Vec<String>) = redis::pipe()
        .atomic()
        .incr("counter", 1)
        .rpush("list", &["a", "b", "c"])
        .ignore()
        .lrange("list", 0, -1)
        .query_async(&mut connection)
        .await?;
    checks::equal("a transaction", (one, list.concat()), (1, "abc".to_owned()));

    let large = vec![7u8; 3 << 20];
    let _: () = connection.set("large", &large).await?;
    let found: Vec<u8> = connection.get("large").await?;
    checks::that("three megabytes come back", found == large);

    let sum: i64 = Script::new("return ARGV[1] + ARGV[2]")
        .arg(40)
        .arg(2)
        .invoke_async(&mut connection)
        .await?;
    checks::equal("a script", sum, 42);

    let error = connection
        .incr::<_, _, i64>("greeting", 1)
        .await
        .unwrap_err();
    checks::that("an error", matches!(error.kind(), ErrorKind::Server(_)));

    let increments = (0..200).map(|_| {
        let mut connection = connection.clone();
        tokio::spawn(async move { connection.incr::<_, _, i64>("shared", 1).await })
    });
    future::join_all(increments).await;
    let shared: i64 = connection.get("shared").await?;
    checks::equal("increments at once", shared, 200);

    let mut subscriber = client.get_async_pubsub().await?;
    subscriber.subscribe("news").await?;
    let told: i64 = connection.publish("news", "something").await?;
    checks::equal("subscribers told", told, 1);
    let message = subscriber.on_message().next().await.expect("a message");
    checks::equal("a message", message.get_payload::<String>()?, "something");

    let mut other = client.get_multiplexed_async_connection().await?;
    let waiting =
        tokio::spawn(async move { other.blpop::<_, (String, String)>("queue", 5.0).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let _: i64 = connection.lpush("queue", "work").await?;
    let popped = waiting.await.expect("the task ends")?;
    checks::equal("what was waited for", popped.1, "work");

    let _: () = connection.set_ex("short", 1, 1).await?;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    checks::that("it expired", !connection.exists::<_, bool>("short").await?);

    let mut manager = client.get_connection_manager().await?;
    let greeting: String = manager.get("greeting").await?;
    checks::equal("through the manager", greeting, "hello");
    let _: () = redis::cmd("FLUSHALL").query_async(&mut connection).await?;
    checks::finish();
    Ok(())
}
