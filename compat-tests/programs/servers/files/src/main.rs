//! Serves the directory `/files`: `cargo wasip2 serve --example files --dir
//! DIRECTORY::/files`.

use axum::Router;
use tower_http::services::ServeDir;

fn routes() -> Router {
    Router::new().fallback_service(ServeDir::new("/files"))
}

#[cfg(target_os = "wasi")]
wasi_hyper::serve!(routes);

fn main() {
    let _ = routes();
    eprintln!("this program answers requests as a component: `cargo wasip2 serve`");
    std::process::exit(2);
}
