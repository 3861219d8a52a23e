//! SyncAuthorizedEntries: an agent with few entries gets them all; one with many gets their
//! revisions and asks for what it lacks.

use std::{collections::VecDeque, pin::Pin, sync::Arc};

use futures::{Stream, stream};
use steeple_proto::{
    server::entry::{EntryRevision, SyncAuthorizedEntriesRequest, SyncAuthorizedEntriesResponse},
    types,
};
use steeple_registry::AuthorizedEntries;
use steeple_store::Entry;
use tonic::{Code, Status};

use crate::convert::entry as convert;

/// How many entries, or revisions, fit into a reply.
const PAGE: usize = 500;

type Reply = Result<SyncAuthorizedEntriesResponse, Status>;

/// The server's half of the stream.
pub(crate) type Pages = Pin<Box<dyn Stream<Item = Reply> + Send>>;

/// Serves one synchronization of what `authorized` was when it began.
pub(crate) fn begin<S>(authorized: Arc<AuthorizedEntries>, requests: S) -> Pages
where
    S: Stream<Item = Result<SyncAuthorizedEntriesRequest, Status>> + Send + Unpin + 'static,
{
    let session = Session {
        authorized,
        requests,
        mask: None,
        begun: false,
        ready: VecDeque::new(),
    };
    Box::pin(stream::unfold(Some(session), |session| async move {
        let mut session = session?;
        match session.next().await {
            Ok(Some(reply)) => Some((Ok(reply), Some(session))),
            Ok(None) => None,
            Err(status) => Some((Err(status), None)),
        }
    }))
}

struct Session<S> {
    authorized: Arc<AuthorizedEntries>,
    requests: S,
    mask: Option<types::EntryMask>,
    begun: bool,
    /// Replies to the last request that have not been sent yet. Full entries are converted only
    /// when their page is due.
    ready: VecDeque<Due>,
}

enum Due {
    Revisions {
        from: usize,
        to: usize,
        more: bool,
    },
    Entries {
        entries: Vec<Arc<Entry>>,
        more: bool,
    },
}

impl<S> Session<S>
where
    S: Stream<Item = Result<SyncAuthorizedEntriesRequest, Status>> + Send + Unpin,
{
    async fn next(&mut self) -> Result<Option<SyncAuthorizedEntriesResponse>, Status> {
        loop {
            if let Some(due) = self.ready.pop_front() {
                return Ok(Some(self.reply(due)));
            }
            if self.begun && self.authorized.entries.len() <= PAGE {
                return Ok(None);
            }
            let Some(request) = self.receive().await? else {
                return Ok(None);
            };
            if self.begun {
                self.plan_entries(request.ids);
            } else {
                self.begin(request)?;
            }
        }
    }

    /// The next request; none when the client has hung up, which is how it ends well.
    async fn receive(&mut self) -> Result<Option<SyncAuthorizedEntriesRequest>, Status> {
        use futures::TryStreamExt as _;
        match self.requests.try_next().await {
            Err(status) if status.code() == Code::Cancelled => Ok(None),
            received => received,
        }
    }

    fn begin(&mut self, request: SyncAuthorizedEntriesRequest) -> Result<(), Status> {
        if !request.ids.is_empty() {
            let text = "specifying IDs on initial request is not supported";
            return Err(Status::invalid_argument(text));
        }
        if request
            .output_mask
            .is_some_and(|mask| !mask.revision_number)
        {
            return Err(Status::invalid_argument("revision number cannot be masked"));
        }
        self.mask = request.output_mask;
        self.begun = true;
        let count = self.authorized.entries.len();
        if count <= PAGE {
            let entries = self.authorized.entries.to_vec();
            self.ready.push_back(Due::Entries {
                entries,
                more: false,
            });
            return Ok(());
        }
        self.ready.extend((0..count).step_by(PAGE).map(|from| {
            let to = (from + PAGE).min(count);
            Due::Revisions {
                from,
                to,
                more: to < count,
            }
        }));
        Ok(())
    }

    /// Those of the entries asked for that are the agent's, in pages; one page at least.
    fn plan_entries(&mut self, mut ids: Vec<String>) {
        ids.sort_unstable();
        let found: Vec<_> = ids
            .iter()
            .filter_map(|id| self.authorized.get(id))
            .cloned()
            .collect();
        let pages = found.len().div_ceil(PAGE).max(1);
        self.ready.extend((0..pages).map(|page| {
            let rest = found.iter().skip(page * PAGE).take(PAGE);
            Due::Entries {
                entries: rest.cloned().collect(),
                more: page + 1 < pages,
            }
        }));
    }

    fn reply(&self, due: Due) -> SyncAuthorizedEntriesResponse {
        match due {
            Due::Revisions { from, to, more } => SyncAuthorizedEntriesResponse {
                entry_revisions: self.authorized.entries[from..to]
                    .iter()
                    .map(revision)
                    .collect(),
                entries: Vec::new(),
                more,
            },
            Due::Entries { entries, more } => {
                let to_wire = |entry: &Arc<Entry>| convert::to_wire(entry, self.mask.as_ref());
                SyncAuthorizedEntriesResponse {
                    entry_revisions: Vec::new(),
                    entries: entries.iter().map(to_wire).collect(),
                    more,
                }
            }
        }
    }
}

fn revision(entry: &Arc<Entry>) -> EntryRevision {
    EntryRevision {
        id: entry.id.to_string(),
        revision_number: entry.revision,
        created_at: entry.created_at,
    }
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt, TryStreamExt};
    use steeple_spiffe::TrustDomain;
    use steeple_store::EntryAttributes;

    use super::*;

    fn entries(count: usize) -> Arc<AuthorizedEntries> {
        let domain = TrustDomain::parse("td").unwrap();
        let entry = |at: usize| {
            Arc::new(Entry {
                row: at as i64,
                id: format!("e{at:05}").into(),
                spiffe_id: domain.member("/w").unwrap(),
                parent_id: domain.member("/p").unwrap(),
                selectors: Box::default(),
                x509_svid_ttl: 0,
                jwt_svid_ttl: 0,
                federates_with: Box::default(),
                admin: false,
                downstream: false,
                store_svid: false,
                expires_at: 0,
                dns_names: Box::default(),
                revision: 7,
                hint: "hint".into(),
                created_at: 9,
                attributes: EntryAttributes::default(),
            })
        };
        Arc::new(AuthorizedEntries {
            revision: 1,
            entries: (0..count).map(entry).collect(),
        })
    }

    fn ask(ids: &[String]) -> SyncAuthorizedEntriesRequest {
        SyncAuthorizedEntriesRequest {
            output_mask: None,
            ids: ids.to_vec(),
        }
    }

    async fn run(
        count: usize,
        requests: Vec<SyncAuthorizedEntriesRequest>,
    ) -> Result<Vec<SyncAuthorizedEntriesResponse>, Status> {
        let requests = stream::iter(requests.into_iter().map(Ok));
        begin(entries(count), requests.boxed()).try_collect().await
    }

    #[tokio::test]
    async fn few_entries_come_at_once() {
        for count in [0, 1, PAGE] {
            let replies = run(count, vec![ask(&[])]).await.unwrap();
            assert_eq!(replies.len(), 1);
            assert_eq!((replies[0].entries.len(), replies[0].more), (count, false));
        }
    }

    #[tokio::test]
    async fn many_entries_come_as_revisions_and_then_as_asked() {
        let wanted: Vec<String> = (0..1011)
            .rev()
            .map(|at| format!("e{at:05}"))
            .chain(["none".to_owned()])
            .collect();
        let replies = run(1011, vec![ask(&[]), ask(&wanted), ask(&[])])
            .await
            .unwrap();
        let shape: Vec<_> = replies
            .iter()
            .map(|reply| (reply.entry_revisions.len(), reply.entries.len(), reply.more))
            .collect();
        let expected = [
            (500, 0, true),
            (500, 0, true),
            (11, 0, false),
            (0, 500, true),
            (0, 500, true),
            (0, 11, false),
            (0, 0, false),
        ];
        assert_eq!(shape, expected);
        let revision = &replies[0].entry_revisions[1];
        let expected = EntryRevision {
            id: "e00001".to_owned(),
            revision_number: 7,
            created_at: 9,
        };
        assert_eq!(*revision, expected);
    }

    #[tokio::test]
    async fn the_first_mask_rules_throughout() {
        let mask = types::EntryMask {
            revision_number: true,
            ..types::EntryMask::default()
        };
        let first = SyncAuthorizedEntriesRequest {
            output_mask: Some(mask),
            ids: Vec::new(),
        };
        let replies = run(600, vec![first, ask(&["e00003".to_owned()])])
            .await
            .unwrap();
        let entry = &replies.last().unwrap().entries[0];
        assert_eq!((entry.hint.as_str(), entry.revision_number), ("", 7));
    }

    #[tokio::test]
    async fn a_wrong_beginning_is_refused() {
        let status = run(1, vec![ask(&["e00000".to_owned()])]).await.unwrap_err();
        assert_eq!(
            status.message(),
            "specifying IDs on initial request is not supported"
        );
        let masked = SyncAuthorizedEntriesRequest {
            output_mask: Some(types::EntryMask::default()),
            ids: Vec::new(),
        };
        let status = run(1, vec![masked]).await.unwrap_err();
        assert_eq!(status.message(), "revision number cannot be masked");
        assert_eq!(run(1, Vec::new()).await.unwrap(), []);
    }
}
