//! The listening side: accepts connections, gives each its bounds, and drains them in good order.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, header};
use axum::response::Response;
use futures::StreamExt;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt;

/// How many connections are open at once; more wait in the listener's queue.
const CONNECTIONS: usize = 2048;
/// A client that takes longer to send its headers, or to ask again on an open connection, is cut off.
const HEADERS: Duration = Duration::from_secs(30);
/// The most that is buffered of a request's headers, in bytes.
const BUFFER: usize = 64 * 1024;
/// How long requests may take to finish once the program ends.
const DRAIN: Duration = Duration::from_secs(10);
/// Rest after a failure to accept (too many open files), in which connections may close.
const REST: Duration = Duration::from_millis(100);

/// Serves until told to stop, then finishes what is in flight, for at most ten seconds.
pub async fn serve(listener: TcpListener, router: Router, mut stop: watch::Receiver<bool>) {
    let until = stop.clone();
    let router = router.layer(axum::middleware::map_response(move |response| ends_with(response, until.clone())));
    let (graceful, room) = (GracefulShutdown::new(), Arc::new(Semaphore::new(CONNECTIONS)));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADERS).max_buf_size(BUFFER);
    while let Some((stream, peer)) = accept(&listener, &mut stop).await {
        let Ok(permit) = room.clone().acquire_owned().await else { break };
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(with_peer(router.clone(), peer));
        let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke");
            }
            drop(permit);
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were cut off: they took longer than {} s", DRAIN.as_secs());
    }
}

/// The next connection; none once the program ends.
async fn accept(listener: &TcpListener, stop: &mut watch::Receiver<bool>) -> Option<(TcpStream, SocketAddr)> {
    loop {
        if *stop.borrow() {
            return None;
        }
        tokio::select! {
            _ = stop.changed() => {}
            accepted = listener.accept() => match accepted {
                Ok(accepted) => return Some(accepted),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(REST).await;
                }
            },
        }
    }
}

fn with_peer<B>(
    router: Router,
    peer: SocketAddr,
) -> impl tower::Service<Request<B>, Response = Response, Error = Infallible, Future: Send> + Clone
where
    B: axum::body::HttpBody<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    tower::service_fn(move |mut request: Request<B>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    })
}

/// A stream without an end is in flight for ever: it ends with the program, and its reader comes back to the next one.
async fn ends_with(response: Response, mut stop: watch::Receiver<bool>) -> Response {
    if response.headers().get(header::CONTENT_TYPE).is_none_or(|kind| kind != "text/event-stream") {
        return response;
    }
    response.map(|body| {
        let stopped = async move { stop.wait_for(|stop| *stop).await.is_ok() };
        Body::from_stream(body.into_data_stream().take_until(Box::pin(stopped)))
    })
}
