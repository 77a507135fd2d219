//! `GET /v1/live`: the tenant's log as server-sent events. A reader that comes back names the last number it saw
//! (`Last-Event-ID`) and gets everything after it once.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::Body,
    http::header,
    response::{
        IntoResponse, Sse,
        sse::{Event, KeepAlive},
    },
};
use kernel::{Permission, Result};
use tokio::sync::mpsc;
use tokio_stream::{StreamExt, wrappers::ReceiverStream};

use crate::{Cx, Reply, Routes};

pub(crate) fn routes(routes: &mut Routes) {
    routes.stream("GET /v1/live", Permission::Member, stream);
}

/// Who may hear of a kind of thing: who may see it. What is not named here is for those who read the whole trail.
pub(crate) fn seen_by(kind: &str) -> Permission {
    match kind {
        "order" | "payment" => Permission::OrderRead,
        "item" => Permission::ItemRead,
        "customer" => Permission::CustomerRead,
        "supplier" => Permission::SupplierRead,
        "receipt" => Permission::StockRead,
        "import" => Permission::ImportRun,
        "member" => Permission::TeamRead,
        _ => Permission::TrailRead,
    }
}

/// How often a silent stream says that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);

async fn stream(cx: Cx) -> Result<Reply> {
    let last = cx.headers.get("last-event-id").and_then(|v| v.to_str().ok()).or(cx.param("after")).and_then(|n| n.parse().ok());
    let places = cx.app.bounds().stream(&cx.op)?;
    let mut live = cx.app.db().live(cx.op.clone(), last).await?;
    let (send, receive) = mpsc::channel::<Event>(64);
    tokio::spawn(async move {
        // Given back when the stream ends.
        let _places = places;
        loop {
            let entries = tokio::select! {
                () = send.closed() => return,
                entries = live.next() => entries,
            };
            // A failure ends the stream; the browser comes back with the last number it saw.
            let Ok(entries) = entries else { return };
            // Who signed out, was locked or lost a role meanwhile hears no more.
            let permissions = cx.permissions_now().await;
            if !permissions.has(Permission::Member) {
                return;
            }
            for entry in entries.into_iter().filter(|entry| permissions.has(seen_by(&entry.kind))) {
                let Ok(data) = serde_json::to_string(&entry) else { return };
                let event = Event::default().id(entry.n.to_string()).event(entry.action).data(data);
                if send.send(event).await.is_err() {
                    return;
                }
            }
        }
    });
    let events = ReceiverStream::new(receive).map(Ok::<_, Infallible>);
    let response = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response();
    let body = Body::new(response.into_body());
    Ok(Reply::bytes("text/event-stream", body).header(header::CACHE_CONTROL, "no-store"))
}
