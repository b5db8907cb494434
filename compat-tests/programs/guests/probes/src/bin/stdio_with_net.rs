// With all of Tokio's features, and so with sockets.
include!("../../../stdio/src/main.rs");
