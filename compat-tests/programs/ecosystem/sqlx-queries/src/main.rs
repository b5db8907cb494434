//! sqlx does its work on a pool of connections to PostgreSQL.

use std::time::Duration;

use futures_util::{TryStreamExt, future};
use sqlx::postgres::{PgListener, PgPoolOptions};
use sqlx::{FromRow, Row};

#[derive(Debug, FromRow, PartialEq)]
struct Person {
    name: String,
    age: Option<i32>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), sqlx::Error> {
    let url = std::env::args().nth(1).expect("the database's URL");
    let pool = PgPoolOptions::new()
        .max_connections(4)
        .acquire_timeout(Duration::from_secs(10))
        .connect(&url)
        .await?;
    sqlx::query("DROP TABLE IF EXISTS sqlx_people")
        .execute(&pool)
        .await?;
    sqlx::query("CREATE TABLE sqlx_people (name TEXT PRIMARY KEY, age INT)")
        .execute(&pool)
        .await?;
    for (name, age) in [("Ada", Some(36)), ("Grace", None)] {
        let done = sqlx::query("INSERT INTO sqlx_people VALUES ($1, $2)")
            .bind(name)
            .bind(age)
            .execute(&pool)
            .await?;
        checks::equal("a row inserted", done.rows_affected(), 1);
    }
    let people: Vec<Person> = sqlx::query_as("SELECT * FROM sqlx_people ORDER BY name")
        .fetch_all(&pool)
        .await?;
    let person = |name: &str, age| Person {
        name: name.to_owned(),
        age,
    };
    checks::equal(
        "the rows",
        people,
        [person("Ada", Some(36)), person("Grace", None)],
    );

    let mut transaction = pool.begin().await?;
    sqlx::query("DELETE FROM sqlx_people")
        .execute(&mut *transaction)
        .await?;
    transaction.rollback().await?;
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlx_people")
        .fetch_one(&pool)
        .await?;
    checks::equal("a rollback", count, 2);

    let error = sqlx::query("INSERT INTO sqlx_people VALUES ('Ada', 1)")
        .execute(&pool)
        .await;
    let unique = error
        .unwrap_err()
        .into_database_error()
        .is_some_and(|it| it.is_unique_violation());
    checks::that("a unique violation", unique);

    let mut rows = sqlx::query("SELECT generate_series(1, 2000)").fetch(&pool);
    let mut sum = 0i64;
    while let Some(row) = rows.try_next().await? {
        sum += i64::from(row.get::<i32, _>(0));
    }
    drop(rows);
    checks::equal("a stream of rows", sum, 2_001_000);

    // Sixteen at a time of a fifth of a second on four connections.
    let naps = (0..16).map(|number: i32| {
        sqlx::query_scalar("SELECT $1 + 0 * length(pg_sleep(0.2)::text)")
            .bind(number)
            .fetch_one(&pool)
    });
    let started = std::time::Instant::now();
    let numbers: Vec<i32> = future::try_join_all(naps).await?;
    checks::equal("the pool's answers", numbers, (0..16).collect::<Vec<i32>>());
    checks::that(
        "in turns of four",
        started.elapsed() < Duration::from_millis(2400),
    );
    checks::equal("its size", pool.size(), 4);

    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen("sqlx_news").await?;
    sqlx::query("SELECT pg_notify('sqlx_news', 'hello')")
        .execute(&pool)
        .await?;
    checks::equal("a notification", listener.recv().await?.payload(), "hello");
    drop(listener);
    sqlx::query("DROP TABLE sqlx_people").execute(&pool).await?;
    pool.close().await;
    checks::finish();
    Ok(())
}
