//! Tasks that panic, and what goes on beside them and after them.

use std::time::Duration;

use tokio::task::JoinSet;

#[tokio::main]
async fn main() {
    let beside = tokio::spawn(async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        "undisturbed"
    });
    let error = tokio::spawn(async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        panic!("this task was told to panic");
    })
    .await
    .expect_err("the task panics");
    println!("is_panic: {}", error.is_panic());
    let why = error.into_panic();
    println!("why: {}", why.downcast_ref::<&str>().unwrap());
    println!("beside it: {}", beside.await.unwrap());

    let error = tokio::task::spawn_blocking(|| panic!("so was this job"))
        .await
        .expect_err("the job panics");
    println!("a blocking job: {}", error.is_panic());

    let mut tasks: JoinSet<usize> = (0..1000)
        .map(|number| async move {
            tokio::task::yield_now().await;
            assert!(number % 10 != 0, "every tenth task panics");
            number
        })
        .collect();
    let (mut whole, mut panics) = (0, 0);
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(_) => whole += 1,
            Err(error) => panics += usize::from(error.is_panic()),
        }
    }
    println!("of a thousand: {whole} whole, {panics} panics");
}
