//! What a provider says of itself (OpenID Connect Discovery 1.0), kept for an hour.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use jsonwebtoken::Algorithm;
use kernel::{At, Error, Result};
use serde::Deserialize;
use web::{App, Cx, Provider};

use crate::outside::{self, is_safe, silent};

/// Seconds for which what a provider said is used without asking.
const FRESH: i64 = 3600;

/// A provider's description.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Described {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub jwks_uri: String,
    pub userinfo_endpoint: Option<String>,
    pub end_session_endpoint: Option<String>,
    #[serde(default)]
    id_token_signing_alg_values_supported: Vec<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
    /// Whether every answer names its issuer (RFC 9207).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

impl Described {
    /// How the provider's tokens may be signed: as announced, and by a key pair. A shared secret or nothing never counts.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        let said = |name: &str| self.id_token_signing_alg_values_supported.iter().any(|one| one == name);
        [("RS256", Algorithm::RS256), ("ES256", Algorithm::ES256)].into_iter().filter(|(name, _)| said(name)).map(|(_, one)| one).collect()
    }

    /// Whether the program proves itself in the body instead of a header.
    pub fn secret_in_body(&self) -> bool {
        let methods = &self.token_endpoint_auth_methods_supported;
        !methods.is_empty()
            && !methods.iter().any(|one| one == "client_secret_basic")
            && methods.iter().any(|one| one == "client_secret_post")
    }

    fn is_right(&self, app: &App, issuer: &str) -> bool {
        let more = [&self.userinfo_endpoint, &self.end_session_endpoint].into_iter().flatten();
        let mut all = [&self.authorization_endpoint, &self.token_endpoint, &self.jwks_uri].into_iter().chain(more);
        self.issuer == issuer && all.all(|url| is_safe(app, url))
    }
}

/// Descriptions by issuer.
#[derive(Default)]
pub(crate) struct Providers(Mutex<HashMap<String, (At, Arc<Described>)>>);

impl Providers {
    fn kept(&self, issuer: &str) -> Option<(At, Arc<Described>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(issuer).cloned()
    }

    /// A provider's description; the last one, where the provider does not answer.
    pub async fn described(&self, app: &App, provider: &Provider) -> Result<Arc<Described>> {
        let (now, kept) = (app.db().source().now(), self.kept(&provider.issuer));
        if let Some((_, described)) = kept.as_ref().filter(|(at, _)| at.plus_seconds(FRESH) > now) {
            return Ok(described.clone());
        }
        match read(app, provider).await {
            Ok(described) => {
                let described = Arc::new(described);
                let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                all.insert(provider.issuer.clone(), (now, described.clone()));
                Ok(described)
            }
            Err(error) => kept.map(|(_, described)| described).ok_or(error),
        }
    }
}

async fn read(app: &App, provider: &Provider) -> Result<Described> {
    let url = format!("{}/.well-known/openid-configuration", provider.issuer.trim_end_matches('/'));
    let described: Described = outside::get(app, &provider.name, &url).await?;
    if !described.is_right(app, &provider.issuer) {
        return Err(silent(&provider.name, "its description is of another issuer, or not by https"));
    }
    Ok(described)
}

/// The provider that a path names.
pub(crate) fn of_path(cx: &Cx) -> Result<Provider> {
    let name: String = cx.id("provider")?;
    named(&cx.app, &name).ok_or(Error::NotFound)
}

/// The provider of a name.
pub(crate) fn named(app: &App, name: &str) -> Option<Provider> {
    app.settings().providers.iter().find(|one| one.name == name).cloned()
}
