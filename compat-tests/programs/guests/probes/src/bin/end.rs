//! Ends in the way that its first argument names.

fn main() {
    let way = std::env::args().nth(1).unwrap_or_default();
    match way.as_str() {
        "seven" => std::process::exit(7),
        "panic" => panic!("this program was told to panic"),
        "overflow" => println!("{}", recurse(1)),
        "forever" => loop {
            std::thread::sleep(std::time::Duration::from_secs(3600));
        },
        "spin" => loop {
            std::hint::spin_loop();
        },
        other => println!("ended: {other}"),
    }
}

/// Runs out of stack.
#[allow(unconditional_recursion)]
fn recurse(depth: u64) -> u64 {
    std::hint::black_box(recurse(std::hint::black_box(depth + 1)) + 1)
}
