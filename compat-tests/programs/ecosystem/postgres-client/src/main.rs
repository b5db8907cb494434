//! tokio-postgres does what a PostgreSQL client does.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, TryStreamExt, future, stream};
use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, Config, NoTls};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).expect("the database's URL");
    let mut config: Config = url.parse()?;
    config.keepalives_idle(Duration::from_secs(60));
    config.connect_timeout(Duration::from_secs(10));

    let (mut client, mut connection) = config.connect(NoTls).await?;
    let (heard, mut notifications) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut messages = stream::poll_fn(move |context| connection.poll_message(context));
        while let Some(message) = messages.next().await {
            if let Ok(AsyncMessage::Notification(notification)) = message {
                heard.send(notification.payload().to_owned()).ok();
            }
        }
    });

    client
        .batch_execute(
            "CREATE TEMPORARY TABLE people (id SERIAL PRIMARY KEY, name TEXT NOT NULL, age INT)",
        )
        .await?;
    let insert = client
        .prepare("INSERT INTO people (name, age) VALUES ($1, $2) RETURNING id")
        .await?;
    for (number, name) in ["Ada", "Grace", "Barbara"].into_iter().enumerate() {
        let row = client
            .query_one(&insert, &[&name, &(30 + number as i32)])
            .await?;
        checks::equal("the new row", row.get::<_, i32>(0), number as i32 + 1);
    }
    let rows = client
        .query(
            "SELECT name, age FROM people WHERE age > $1 ORDER BY id",
            &[&30],
        )
        .await?;
    let names: Vec<&str> = rows.iter().map(|row| row.get("name")).collect();
    checks::equal("the rows", names, ["Grace", "Barbara"]);

    let transaction = client.transaction().await?;
    transaction.execute("DELETE FROM people", &[]).await?;
    transaction.rollback().await?;
    let transaction = client.transaction().await?;
    transaction
        .execute("UPDATE people SET age = NULL WHERE name = 'Ada'", &[])
        .await?;
    transaction.commit().await?;
    let row = client
        .query_one("SELECT count(*), count(age) FROM people", &[])
        .await?;
    let counts: (i64, i64) = (row.get(0), row.get(1));
    checks::equal("a rollback and a commit", counts, (3, 2));

    let error = client
        .query("SELECT * FROM nothing", &[])
        .await
        .unwrap_err();
    checks::equal("an error", error.code(), Some(&SqlState::UNDEFINED_TABLE));

    let numbers = (0..40i64).map(|number| {
        let client = &client;
        async move { client.query_one("SELECT $1::INT8 * 2", &[&number]).await }
    });
    for (number, row) in future::try_join_all(numbers).await?.iter().enumerate() {
        checks::equal("queries at once", row.get::<_, i64>(0), 2 * number as i64);
    }

    let sink = client.copy_in("COPY people (name, age) FROM STDIN").await?;
    let mut sink = std::pin::pin!(sink);
    for number in 0..1000 {
        sink.send(Bytes::from(format!("copied {number}\t{number}\n")))
            .await?;
    }
    checks::equal("rows copied in", sink.finish().await?, 1000u64);
    let copied = client.copy_out("COPY people TO STDOUT").await?;
    let copied: Vec<Bytes> = copied.try_collect().await?;
    let lines = copied
        .concat()
        .iter()
        .filter(|byte| **byte == b'\n')
        .count();
    checks::equal("rows copied out", lines, 1003);

    client
        .batch_execute("LISTEN news; NOTIFY news, 'first'")
        .await?;
    checks::equal(
        "its own news",
        notifications.recv().await.as_deref(),
        Some("first"),
    );
    let (other, connection) = config.connect(NoTls).await?;
    let other_connection = tokio::spawn(connection);
    let waiting = tokio::spawn(async move { notifications.recv().await });
    other.batch_execute("NOTIFY news, 'second'").await?;
    checks::equal("another's news", waiting.await?.as_deref(), Some("second"));
    drop(other);
    other_connection.await??;

    let cancel = client.cancel_token();
    let (slept, cancelled) = future::join(client.batch_execute("SELECT pg_sleep(20)"), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        cancel.cancel_query(NoTls).await
    })
    .await;
    cancelled?;
    let code = slept.unwrap_err().code().cloned();
    checks::equal("a query cancelled", code, Some(SqlState::QUERY_CANCELED));

    config.password("wrong");
    let error = config
        .connect(NoTls)
        .await
        .err()
        .and_then(|error| error.code().cloned());
    checks::equal("a wrong password", error, Some(SqlState::INVALID_PASSWORD));
    checks::finish();
    Ok(())
}
