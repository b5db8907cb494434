//! tracing's spans across tasks, as JSON lines.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing::{Instrument, info, info_span, instrument, warn};
use tracing_subscriber::EnvFilter;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[instrument]
async fn work(number: u32) -> u32 {
    tokio::time::sleep(Duration::from_millis(u64::from(10 - number))).await;
    info!(doubled = number * 2, "worked");
    number * 2
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let lines = Lines::default();
    let writer = lines.clone();
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(EnvFilter::new("info,traced=debug,quiet=off"))
        .with_writer(move || writer.clone())
        .init();
    let tasks: Vec<_> = (0..10)
        .map(|number| tokio::spawn(work(number).instrument(info_span!("task", number))))
        .collect();
    for (number, task) in tasks.into_iter().enumerate() {
        checks::equal("what it gave back", task.await.unwrap(), 2 * number as u32);
    }
    warn!(target: "quiet", "nobody sees this");
    tracing::trace!("nor this");
    warn!("the end");

    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let events: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    checks::equal("events", events.len(), 11);
    for event in &events[..10] {
        let number = event["span"]["number"].clone();
        let number = number
            .as_u64()
            .or_else(|| number.as_str()?.parse().ok())
            .unwrap();
        checks::equal(
            "the field",
            event["fields"]["doubled"].as_u64(),
            Some(number * 2),
        );
        checks::equal(
            "the outer span",
            event["spans"][0]["name"].as_str(),
            Some("task"),
        );
        checks::that(
            "the time",
            event["timestamp"]
                .as_str()
                .is_some_and(|it| it.starts_with("20")),
        );
    }
    checks::equal("the level", events[10]["level"].as_str(), Some("WARN"));
    checks::finish();
}
