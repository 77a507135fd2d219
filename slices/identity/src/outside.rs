//! Asking servers that the configuration names: no redirects, some seconds, so many bytes.

use std::{net::IpAddr, time::Duration};

use axum::http::StatusCode;
use kernel::{Error, Result};
use reqwest::{Client, RequestBuilder};
use serde::de::DeserializeOwned;
use url::{Host, Url};
use web::App;

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest answer that is read, in bytes.
const ANSWER: usize = 256 * 1024;
/// Seconds after which somebody may try again when a server does not answer.
const AGAIN: u32 = 30;

/// How servers are asked; made once for each program.
#[derive(Default)]
pub(crate) struct Outside(tokio::sync::OnceCell<Client>);

impl Outside {
    /// The client.
    pub async fn client(&self) -> Result<&Client> {
        let make = async || {
            let builder = Client::builder().timeout(PATIENCE).connect_timeout(PATIENCE).redirect(reqwest::redirect::Policy::none());
            builder.build().map_err(|e| Error::Internal(format!("no client: {e}")))
        };
        self.0.get_or_try_init(make).await
    }
}

/// A server that does not answer as it should. What it said goes to the log alone.
pub(crate) fn silent(whose: &str, why: impl std::fmt::Display) -> Error {
    tracing::warn!(whose, %why, "an identity provider does not answer as it should");
    Error::Unavailable(AGAIN, format!("{whose} does not answer"))
}

/// Sends a question and reads the answer, or says why there is none, without the address.
pub(crate) async fn answer(request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), String> {
    let failed = |error: reqwest::Error| error.without_url().to_string();
    let mut answer = request.send().await.map_err(failed)?;
    let (status, mut read) = (answer.status(), Vec::new());
    while let Some(piece) = answer.chunk().await.map_err(failed)? {
        read.extend_from_slice(&piece);
        if read.len() > ANSWER {
            return Err("the answer is too long".into());
        }
    }
    Ok((status, read))
}

/// The same of an identity provider.
pub(crate) async fn ask(whose: &str, request: RequestBuilder) -> Result<(StatusCode, Vec<u8>)> {
    answer(request).await.map_err(|why| silent(whose, why))
}

/// Reads JSON from an address.
pub(crate) async fn get<T: DeserializeOwned>(app: &App, whose: &str, url: &str) -> Result<T> {
    is_safe(app, url).then_some(()).ok_or_else(|| silent(whose, format!("{url} is not https")))?;
    let outside = app.part::<Outside>();
    let (status, body) = ask(whose, outside.client().await?.get(url).header("accept", "application/json")).await?;
    if status != StatusCode::OK {
        return Err(silent(whose, format!("{url} answers {status}")));
    }
    serde_json::from_slice(&body).map_err(|e| silent(whose, format!("{url}: {e}")))
}

/// Whether an address may be asked: by TLS; without it on this machine alone, while the program is built and tried.
pub(crate) fn is_safe(app: &App, url: &str) -> bool {
    let Ok(url) = url.parse::<Url>() else { return false };
    let here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => return false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && here && !app.settings().production)
}
