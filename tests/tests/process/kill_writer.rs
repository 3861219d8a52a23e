//! A client that writes entries and remembers what the server acknowledged.

use std::{cell::Cell, collections::BTreeMap, path::Path, rc::Rc};

use anyhow::{Context, Result, bail, ensure};
use steeple_proto::{
    server::entry::{
        BatchCreateEntryRequest, BatchDeleteEntryRequest, BatchUpdateEntryRequest,
        ListEntriesRequest, entry_client::EntryClient,
    },
    types::{Entry, EntryMask, Selector, Spiffeid, Status},
};
use steeple_tests::unix_channel;
use tonic::transport::Channel;

/// A small random number generator (splitmix64), since the same seed must give the same numbers
/// for ever.
#[derive(Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn split(&mut self) -> Self {
        Self(self.next())
    }
}

/// What an entry may be now: its hint, or nothing when it does not exist. More than one
/// possibility after a write that nobody acknowledged.
type Possible = Vec<Option<String>>;

/// The three writes.
#[derive(Clone, Copy, Debug)]
enum Write {
    Create,
    Update,
    Delete,
}

/// One client; its entries are its own.
#[derive(Debug)]
pub(crate) struct Writer {
    number: usize,
    rng: Rng,
    written: u64,
    entries: BTreeMap<String, Possible>,
    acknowledged: [usize; 3],
}

impl Writer {
    pub(crate) fn new(number: usize, rng: Rng) -> Self {
        Self {
            number,
            rng,
            written: 0,
            entries: BTreeMap::new(),
            acknowledged: [0; 3],
        }
    }

    /// How many creates, updates and deletes were acknowledged to these writers.
    pub(crate) fn acknowledged(writers: &[Self]) -> (usize, usize, usize) {
        let sum = |at: usize| writers.iter().map(|writer| writer.acknowledged[at]).sum();
        (sum(0), sum(1), sum(2))
    }

    /// Writes until the end is announced. A failing call before that is a fault; after it, the
    /// call's outcome is unknown.
    pub(crate) async fn write(&mut self, channel: Channel, ends: Rc<Cell<bool>>) -> Result<()> {
        let mut client = EntryClient::new(channel);
        while !ends.get() {
            let (write, id) = self.choose();
            self.written += 1;
            let hint = format!("{}", self.written);
            let before = self.entries.get(&id).cloned().unwrap_or_else(|| vec![None]);
            let after = match write {
                Write::Create | Write::Update => Some(hint.clone()),
                Write::Delete => None,
            };
            let both = before.into_iter().chain([after.clone()]).collect();
            self.entries.insert(id.clone(), both);
            match call(&mut client, write, &id, hint).await {
                Ok(status) => {
                    let status = status.context("a result without a status")?;
                    ensure!(status.code == 0, "{write:?} of {id} is refused: {status:?}");
                    self.entries.insert(id, vec![after]);
                    self.acknowledged[write as usize] += 1;
                }
                Err(_) if ends.get() => return Ok(()),
                Err(status) => bail!("{write:?} of {id} failed before the kill: {status}"),
            }
        }
        Ok(())
    }

    fn choose(&mut self) -> (Write, String) {
        let live: Vec<&String> = self.entries.keys().collect();
        let kind = self.rng.below(if live.len() < 20 { 5 } else { 10 });
        if live.is_empty() || kind < 3 {
            return (Write::Create, format!("w{}-{}", self.number, self.written));
        }
        let pick = usize::try_from(self.rng.below(live.len() as u64)).unwrap_or_default();
        let id = live[pick].clone();
        match (self.entries[&id].first(), kind) {
            // what was deleted in this round is not there to be written to
            (Some(None), _) => (Write::Create, format!("w{}-{}", self.number, self.written)),
            (_, 3 | 5) => (Write::Update, id),
            _ => (Write::Delete, id),
        }
    }
}

async fn call(
    client: &mut EntryClient<Channel>,
    write: Write,
    id: &str,
    hint: String,
) -> Result<Option<Status>, tonic::Status> {
    let id_of = |path: String| {
        Some(Spiffeid {
            trust_domain: "example.org".to_owned(),
            path,
        })
    };
    let entry = Entry {
        id: id.to_owned(),
        hint,
        ..Entry::default()
    };
    Ok(match write {
        Write::Create => {
            let entry = Entry {
                spiffe_id: id_of(format!("/{id}")),
                parent_id: id_of("/node".to_owned()),
                // nobody's: the agent has to sync them, not to sign them
                selectors: vec![Selector {
                    r#type: "kill".to_owned(),
                    value: id.to_owned(),
                }],
                ..entry
            };
            let request = BatchCreateEntryRequest {
                entries: vec![entry],
                output_mask: None,
            };
            let results = client
                .batch_create_entry(request)
                .await?
                .into_inner()
                .results;
            results.into_iter().next().and_then(|result| result.status)
        }
        Write::Update => {
            let request = BatchUpdateEntryRequest {
                entries: vec![entry],
                input_mask: Some(EntryMask {
                    hint: true,
                    ..EntryMask::default()
                }),
                output_mask: None,
            };
            let results = client
                .batch_update_entry(request)
                .await?
                .into_inner()
                .results;
            results.into_iter().next().and_then(|result| result.status)
        }
        Write::Delete => {
            let request = BatchDeleteEntryRequest {
                ids: vec![id.to_owned()],
            };
            let results = client
                .batch_delete_entry(request)
                .await?
                .into_inner()
                .results;
            results.into_iter().next().and_then(|result| result.status)
        }
    })
}

/// The server has what it acknowledged, and nothing else. What was open is settled now.
pub(crate) async fn check(socket: &Path, writers: &mut [Writer]) -> Result<()> {
    let mut client = EntryClient::new(unix_channel(socket).await?);
    let mut found = BTreeMap::new();
    let mut page_token = String::new();
    loop {
        let request = ListEntriesRequest {
            page_size: 500,
            page_token,
            ..Default::default()
        };
        let page = client.list_entries(request).await?.into_inner();
        found.extend(page.entries.into_iter().map(|entry| (entry.id, entry.hint)));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    for writer in writers {
        for (id, possible) in std::mem::take(&mut writer.entries) {
            let hint = found.remove(&id);
            ensure!(
                possible.contains(&hint),
                "{id} is {hint:?} instead of one of {possible:?}"
            );
            if hint.is_some() {
                writer.entries.insert(id, vec![hint]);
            }
        }
    }
    found.retain(|id, _| id.starts_with('w') && id.contains('-') && id.len() < 20);
    ensure!(
        found.is_empty(),
        "there are entries that should not be there: {found:?}"
    );
    Ok(())
}
