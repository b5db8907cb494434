//! The routes of `hello` on WASI 0.3 without Tokio: each request is a task of the
//! executor that the bindings have. `cargo wasip2 bench shared` compares the two.

#[cfg(all(target_os = "wasi", wasip3))]
mod handler {
    use axum::Router;
    use axum::routing::get;
    use std::cell::RefCell;
    use std::rc::Rc;

    use wasi_hyper::{Reactor, Task, server};
    use wasip3::clocks::monotonic_clock::wait_for;
    use wasip3::exports::http::handler::Guest;
    use wasip3::http::types::{ErrorCode, Request, Response};
    use wasip3::wit_bindgen;

    struct Handler;

    #[derive(Clone)]
    struct Executor;

    impl Reactor for Executor {
        fn spawn(&self, task: Task) -> Result<(), Task> {
            wit_bindgen::spawn_local(task);
            Ok(())
        }
    }

    thread_local! {
        static ROUTES: Router = Router::new()
            .route("/", get(|| async { "Hello, World!" }))
            .route("/wait", get(wait));
    }

    async fn wait() -> &'static str {
        wait_for(10_000_000).await;
        "Hello, World!"
    }

    impl Guest for Handler {
        async fn handle(request: Request) -> Result<Response, ErrorCode> {
            let routes = ROUTES.with(Router::clone);
            let given = Rc::new(RefCell::new(None));
            let answered = given.clone();
            let mut answering = Box::pin(async move {
                let respond = |response| *answered.borrow_mut() = Some(response);
                if let Err(error) = server::answer(request, routes, Executor, respond).await {
                    eprintln!("{error}");
                }
            });
            // The body is sent once the response is returned.
            std::future::poll_fn(|cx| {
                let done = answering.as_mut().poll(cx);
                match given.borrow().is_some() {
                    true => std::task::Poll::Ready(()),
                    false => done,
                }
            })
            .await;
            wit_bindgen::spawn_local(answering);
            let response = given.borrow_mut().take();
            response.ok_or(ErrorCode::InternalError(None))
        }
    }

    wasip3::http::service::export!(Handler);
}

fn main() {
    eprintln!("this program answers requests as a component: `cargo wasip2 serve --wasi 0.3`");
    std::process::exit(2);
}
