//! Which page answers which request.

use http::{Method, StatusCode, request::Parts};

use super::{
    Pages, Peer, conditional, discovery,
    forwarded::Original,
    reply::{Reply, document, refuse},
    text,
};
use crate::{
    config::{SiteConfig, join},
    keys::Keys,
};

/// The discovery document and the keys.
#[derive(Debug)]
pub(crate) struct Site {
    config: SiteConfig,
    keys: Keys,
    log_requests: bool,
    discovery_path: String,
    keys_path: String,
}

impl Site {
    /// A site that serves what is posted.
    pub(crate) fn new(config: SiteConfig, keys: Keys, log_requests: bool) -> Self {
        let path = |name| join(&config.path_prefix, name);
        Self {
            discovery_path: path(".well-known/openid-configuration"),
            keys_path: path("keys"),
            config,
            keys,
            log_requests,
        }
    }

    fn discovery(&self, head: &Parts, peer: &Peer) -> Reply {
        let original = Original::of(head);
        if let Err(error) = self.config.domains.allow(original.host) {
            return refuse(StatusCode::BAD_REQUEST, &error.to_string());
        }
        let plain = !peer.secure && original.scheme.as_deref() != Some("https");
        let scheme = if plain && self.config.allow_insecure_scheme {
            "http"
        } else {
            "https"
        };
        let body = discovery::document(&self.config, scheme, original.host);
        document(StatusCode::OK, body)
    }

    fn keys(&self, head: &Parts) -> Reply {
        let Some(keys) = self.keys.borrow().keys.clone() else {
            return refuse(StatusCode::INTERNAL_SERVER_ERROR, "document not available");
        };
        let Some(content) = &keys.document else {
            return refuse(
                StatusCode::NOT_IMPLEMENTED,
                "jwt not supported/enabled in this service",
            );
        };
        conditional::serve(&head.headers, content, keys.modified)
    }
}

impl Pages for Site {
    fn answer(&self, head: &Parts, peer: &Peer) -> Reply {
        if self.log_requests {
            log(head, peer);
        }
        let path = head.uri.path();
        let (discovery, keys) = (path == self.discovery_path, path == self.keys_path);
        match (discovery || keys, &head.method) {
            (false, _) => refuse(StatusCode::NOT_FOUND, "404 page not found"),
            (true, &Method::GET) if discovery => self.discovery(head, peer),
            (true, &Method::GET) => self.keys(head),
            (true, _) => refuse(StatusCode::METHOD_NOT_ALLOWED, "method not allowed"),
        }
    }
}

fn log(head: &Parts, peer: &Peer) {
    let agent = text(&head.headers, http::header::USER_AGENT.as_str());
    tracing::debug!(
        "remote-addr" = peer.address,
        method = %head.method,
        url = %head.uri,
        "user-agent" = agent.unwrap_or_default(),
        "Incoming request"
    );
}

#[cfg(test)]
mod tests;
