//! A request over a connection of its own, and the response to it.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{self, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep, timeout};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

/// Where the guest sets no limit: a century.
pub const NO_LIMIT: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// A response and the task that serves its connection.
pub type Exchange = (
    http::Response<WasiBody>,
    Box<dyn Future<Output = Result<(), Error>> + Send>,
);

/// Sends `request` over `stream`.
///
/// A server may answer before it has read the whole request, and close: what was
/// received by then is the response, whatever becomes of the connection in the
/// same moment. wasmtime-wasi-http makes an error of that.
pub async fn exchange<S>(
    stream: S,
    mut request: Request<WasiBody>,
    options: RequestOptions,
) -> wasmtime_wasi_http::Result<Exchange>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let path = request.uri().path_and_query().map(|path| path.as_str());
    *request.uri_mut() = path
        .unwrap_or("/")
        .parse::<Uri>()
        .map_err(|_| Error::HttpRequestUriInvalid)?;
    let limit = options.first_byte_timeout.unwrap_or(NO_LIMIT);
    let mut connection = Some(connection);
    let response = {
        let mut response = pin!(timeout(limit, sender.send_request(request)));
        poll_fn(|cx| {
            if let Poll::Ready(response) = response.as_mut().poll(cx) {
                return Poll::Ready(Ok(response));
            }
            let Some(serving) = &mut connection else {
                return Poll::Pending;
            };
            let ended = ready!(Pin::new(serving).poll(cx));
            connection = None;
            match (response.as_mut().poll(cx), ended) {
                (Poll::Ready(response), _) => Poll::Ready(Ok(response)),
                (Poll::Pending, Ok(())) => Poll::Pending,
                (Poll::Pending, Err(error)) => Poll::Ready(Err(error)),
            }
        })
        .await?
        .map_err(|_| Error::ConnectionReadTimeout)??
    };
    let response = response.map(|body| match options.between_bytes_timeout {
        None => body.map_err(Error::from).boxed_unsync(),
        Some(limit) => Prompt::new(body, limit).boxed_unsync(),
    });
    // The response's body tells of what goes wrong with it.
    let rest = async {
        if let Some(connection) = connection {
            _ = connection.await;
        }
        Ok(())
    };
    Ok((response, Box::new(rest)))
}

/// A body that fails where nothing comes for too long.
pub struct Prompt<B> {
    body: B,
    limit: Duration,
    over: Pin<Box<Sleep>>,
}

impl<B> Prompt<B> {
    /// `body`, for each piece of which there is so much time.
    pub fn new(body: B, limit: Duration) -> Prompt<B> {
        Prompt {
            body,
            limit,
            over: Box::pin(sleep(limit)),
        }
    }
}

impl<B> Body for Prompt<B>
where
    B: Body<Data = Bytes, Error: Into<Error>> + Unpin,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            let next = Instant::now() + self.limit;
            self.over.as_mut().reset(next);
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        ready!(self.over.as_mut().poll(cx));
        Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// More of it may come at any time.
    struct Unfinished;

    impl Body for Unfinished {
        type Data = Bytes;
        type Error = Error;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut task::Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
            Poll::Pending
        }
    }

    #[tokio::test]
    async fn an_answer_before_the_whole_request_is_the_response() {
        let (client, mut server) = tokio::io::duplex(1 << 10);
        let request = Request::post("http://localhost/early")
            .body(Unfinished.boxed_unsync())
            .unwrap();
        let answer = async move {
            let mut head = [0; 1 << 10];
            let length = server.read(&mut head).await.unwrap();
            assert!(head[..length].starts_with(b"POST /early HTTP/1.1\r\n"));
            server
                .write_all(b"HTTP/1.1 303 See Other\r\ncontent-length: 0\r\n\r\n")
                .await
                .unwrap();
            // Both are there when the client looks.
            drop(server);
        };
        let sent = exchange(client, request, RequestOptions::default());
        let (answered, ()) = tokio::join!(sent, answer);
        let status = answered.map(|(response, _)| response.status());
        assert_eq!(status.ok(), Some(StatusCode::SEE_OTHER));
    }

    #[tokio::test]
    async fn a_connection_that_ends_without_an_answer_is_an_error() {
        let (client, server) = tokio::io::duplex(1 << 10);
        drop(server);
        let request = Request::get("http://localhost/")
            .body(Unfinished.boxed_unsync())
            .unwrap();
        let sent = exchange(client, request, RequestOptions::default());
        assert!(sent.await.is_err());
    }
}
