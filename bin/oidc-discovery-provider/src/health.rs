//! Whether the keys are fresh, told to whoever restarts the program.

use std::time::Duration;

use http::{Method, StatusCode, request::Parts};
use tokio::time::Instant;

use crate::{
    config::HealthConfig,
    keys::Keys,
    pages::{Pages, Peer, Reply, empty, refuse},
};

/// So many polls may fail in a row.
const POLLS: u32 = 5;
/// But never is a shorter time than this too long.
const SHORTEST: Duration = Duration::from_secs(3 * 60);

/// The pages for readiness and liveness.
#[derive(Debug)]
pub(crate) struct HealthPages {
    config: HealthConfig,
    keys: Keys,
    threshold: Duration,
    started: Instant,
}

impl HealthPages {
    /// Pages about keys that are asked for every `poll_interval`.
    pub(crate) fn new(config: HealthConfig, keys: Keys, poll_interval: Duration) -> Self {
        Self {
            config,
            keys,
            threshold: poll_interval.saturating_mul(POLLS).max(SHORTEST),
            started: Instant::now(),
        }
    }

    fn ready(&self) -> bool {
        let polled = self.keys.borrow().polled;
        polled.is_some_and(|polled| polled.elapsed() < self.threshold)
    }

    /// At the start there is time for the first answer.
    fn live(&self) -> bool {
        let polled = self.keys.borrow().polled;
        polled.unwrap_or(self.started).elapsed() < self.threshold
    }
}

impl Pages for HealthPages {
    fn answer(&self, head: &Parts, _peer: &Peer) -> Reply {
        let well = match head.uri.path() {
            path if path == self.config.ready_path => self.ready(),
            path if path == self.config.live_path => self.live(),
            _ => return refuse(StatusCode::NOT_FOUND, "404 page not found"),
        };
        match (&head.method, well) {
            (&Method::GET, true) => empty(StatusCode::OK),
            (&Method::GET, false) => empty(StatusCode::INTERNAL_SERVER_ERROR),
            _ => refuse(StatusCode::METHOD_NOT_ALLOWED, "method not allowed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Request;
    use jiff::Timestamp;

    use super::*;
    use crate::{keys::Board, listeners::ListenAddress};

    fn pages(poll_interval: Duration) -> (Board, HealthPages) {
        let (board, keys) = Board::new(false);
        let config = HealthConfig {
            address: ListenAddress::everywhere(0),
            ready_path: "/ready".to_owned(),
            live_path: "/live".to_owned(),
        };
        (board, HealthPages::new(config, keys, poll_interval))
    }

    fn ask(pages: &HealthPages, method: Method, path: &str) -> u16 {
        let request = Request::builder().method(method).uri(path);
        let (head, ()) = request.body(()).unwrap().into_parts();
        let peer = Peer {
            address: String::new(),
            secure: false,
        };
        pages.answer(&head, &peer).status().as_u16()
    }

    fn both(pages: &HealthPages) -> (u16, u16) {
        let get = |path| ask(pages, Method::GET, path);
        (get("/ready"), get("/live"))
    }

    #[tokio::test(start_paused = true)]
    async fn live_from_the_start_and_ready_with_the_keys() {
        let (board, pages) = pages(Duration::from_secs(10));
        assert_eq!(both(&pages), (500, 200));
        board.post(Vec::new(), Timestamp::UNIX_EPOCH);
        assert_eq!(both(&pages), (200, 200));
        tokio::time::advance(SHORTEST).await;
        assert_eq!(both(&pages), (500, 500), "the keys are stale");
        board.post(Vec::new(), Timestamp::UNIX_EPOCH);
        assert_eq!(both(&pages), (200, 200));
    }

    #[tokio::test(start_paused = true)]
    async fn without_any_answer_it_dies_in_the_end() {
        let (_board, pages) = pages(Duration::from_secs(10));
        tokio::time::advance(SHORTEST - Duration::from_secs(1)).await;
        assert_eq!(both(&pages), (500, 200));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(both(&pages), (500, 500));
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_interval_has_five_tries() {
        let (board, pages) = pages(Duration::from_secs(120));
        board.post(Vec::new(), Timestamp::UNIX_EPOCH);
        tokio::time::advance(Duration::from_secs(599)).await;
        assert_eq!(both(&pages), (200, 200));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(both(&pages), (500, 500));
    }

    #[tokio::test(start_paused = true)]
    async fn other_requests() {
        let (_board, pages) = pages(Duration::from_secs(10));
        assert_eq!(ask(&pages, Method::HEAD, "/live"), 405);
        assert_eq!(ask(&pages, Method::GET, "/"), 404);
    }
}
