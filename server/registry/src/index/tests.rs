//! The index against a computation that keeps nothing.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use proptest::prelude::*;
use steeple_store::EntryAttributes;

use super::*;

fn id(path: &str) -> SpiffeId {
    SpiffeId::parse(&format!("spiffe://example.org{path}")).unwrap()
}

fn entry(row: i64, parent: &str, spiffe_id: &str, selectors: &[&str]) -> Arc<Entry> {
    Arc::new(Entry {
        row,
        id: format!("e{row}").into(),
        spiffe_id: id(spiffe_id),
        parent_id: id(parent),
        selectors: selectors.iter().map(|s| s.parse().unwrap()).collect(),
        x509_svid_ttl: 0,
        jwt_svid_ttl: 0,
        federates_with: Box::default(),
        admin: false,
        downstream: false,
        store_svid: false,
        expires_at: 0,
        dns_names: Box::default(),
        revision: 0,
        hint: Box::default(),
        created_at: 0,
        attributes: EntryAttributes::default(),
    })
}

fn node(row: i64, path: &str, selectors: &[&str]) -> Arc<NodeRecord> {
    Arc::new(NodeRecord {
        row,
        id: id(path),
        attestation_type: "x".into(),
        serial: "1".into(),
        expires_at: 0,
        new_serial: String::new(),
        new_expires_at: 0,
        selectors: selectors.iter().map(|s| s.parse().unwrap()).collect(),
        can_reattest: false,
        agent_version: String::new(),
    })
}

fn shared() -> SharedIndex {
    SharedIndex::new("example.org".parse().unwrap())
}

fn ids(index: &SharedIndex, agent: &str) -> Vec<String> {
    let answer = index.read().authorized(&id(agent));
    answer
        .entries
        .iter()
        .map(|entry| entry.id.to_string())
        .collect()
}

/// What the database would hold.
#[derive(Default)]
struct Naive {
    entries: BTreeMap<i64, Arc<Entry>>,
    nodes: BTreeMap<SpiffeId, Arc<NodeRecord>>,
}

impl Naive {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::EntryPut(entry) => drop(self.entries.insert(entry.row, Arc::clone(entry))),
            Change::EntryDeleted(id) => self.entries.retain(|_, entry| entry.id != *id),
            Change::NodePut(node) => drop(self.nodes.insert(node.id.clone(), Arc::clone(node))),
            Change::NodeDeleted(id) => drop(self.nodes.remove(id)),
            Change::BundlePut { .. } | Change::BundleDeleted(_) => {}
        }
    }

    /// As SPIRE's cache crawls: children of an ID, then its aliases, each ID once.
    fn crawl(&self, at: &SpiffeId, seen: &mut BTreeSet<SpiffeId>, found: &mut BTreeSet<String>) {
        if !seen.insert(at.clone()) {
            return;
        }
        let is_alias = |entry: &&Arc<Entry>| entry.parent_id.path() == "/spire/server";
        for entry in self
            .entries
            .values()
            .filter(|e| !is_alias(e) && e.parent_id == *at)
        {
            found.insert(entry.id.to_string());
            self.crawl(&entry.spiffe_id, seen, found);
        }
        let Some(node) = self.nodes.get(at) else {
            return;
        };
        let proven: HashSet<_> = node.selectors.iter().collect();
        for alias in self.entries.values().filter(is_alias) {
            if alias.selectors.iter().all(|s| proven.contains(s)) {
                self.crawl(&alias.spiffe_id, seen, found);
            }
        }
    }

    fn authorized(&self, agent: &SpiffeId) -> Vec<String> {
        let mut found = BTreeSet::new();
        self.crawl(agent, &mut BTreeSet::new(), &mut found);
        found.into_iter().collect()
    }
}

const PATHS: [&str; 8] = [
    "/spire/server",
    "/agent1",
    "/agent2",
    "/agent3",
    "/a",
    "/b",
    "/c",
    "/d",
];
const SELECTORS: [&str; 4] = ["x:1", "x:2", "x:3", "x:4"];

fn some_selectors(least: usize) -> impl Strategy<Value = Vec<&'static str>> {
    proptest::sample::subsequence(SELECTORS.to_vec(), least..=3)
}

/// Few IDs, so that entries form chains, loops and diamonds, and are replaced often.
fn change() -> impl Strategy<Value = Change> {
    let put = (0..12i64, 0..PATHS.len(), 1..PATHS.len(), some_selectors(1));
    let put = put.prop_map(|(row, parent, spiffe_id, selectors)| {
        Change::EntryPut(entry(row, PATHS[parent], PATHS[spiffe_id], &selectors))
    });
    let delete = (0..12i64).prop_map(|row| Change::EntryDeleted(format!("e{row}").into()));
    let attest = (1..4usize, some_selectors(0))
        .prop_map(|(n, selectors)| Change::NodePut(node(n as i64, PATHS[n], &selectors)));
    let evict = (1..4usize).prop_map(|n| Change::NodeDeleted(id(PATHS[n])));
    prop_oneof![6 => put, 3 => delete, 4 => attest, 1 => evict]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn answers_are_those_of_a_computation_from_nothing(
        groups in prop::collection::vec(prop::collection::vec(change(), 1..5), 1..40)
    ) {
        let index = shared();
        let mut naive = Naive::default();
        let mut last: BTreeMap<&str, Arc<AuthorizedEntries>> = BTreeMap::new();
        for group in groups {
            index.apply(&group);
            group.iter().for_each(|change| naive.apply(change));
            for agent in &PATHS[1..] {
                let answer = index.read().authorized(&id(agent));
                let found: Vec<_> = answer.entries.iter().map(|e| e.id.to_string()).collect();
                prop_assert_eq!(&found, &naive.authorized(&id(agent)), "{}", agent);
                for entry in answer.entries.iter() {
                    prop_assert_eq!(&**entry, &*naive.entries[&entry.row], "as it is now");
                    prop_assert_eq!(answer.get(&entry.id), Some(entry));
                }
                if let Some(last) = last.get(agent) {
                    // The same revision means the same answer, as long as the node is known.
                    let same = last.revision == answer.revision;
                    prop_assert!(!same || last.entries == answer.entries, "{}", agent);
                    prop_assert!(last.revision <= answer.revision || !naive.nodes.contains_key(&id(agent)));
                }
                last.insert(agent, answer);
            }
        }
        // Nothing is left behind when everything is deleted.
        let all: Vec<_> = naive.entries.values().map(|e| Change::EntryDeleted(e.id.clone()))
            .chain(naive.nodes.keys().cloned().map(Change::NodeDeleted)).collect();
        index.apply(&all);
        let index = index.read();
        prop_assert_eq!(index.entries_after(i64::MIN).count(), 0);
        prop_assert_eq!(index.nodes_after(i64::MIN).count(), 0);
        prop_assert!(index.entries.is_empty() && index.agents.is_empty() && index.aliases.is_empty());
    }
}

#[test]
fn an_unchanged_agent_keeps_its_very_answer() {
    let index = shared();
    let put = |entry| Change::EntryPut(entry);
    index.apply(&[
        put(entry(1, "/agent1", "/a", &["x:1"])),
        put(entry(2, "/a", "/b", &["x:1"])),
        put(entry(3, "/agent2", "/c", &["x:1"])),
        Change::NodePut(node(1, "/agent1", &["x:1"])),
        Change::NodePut(node(2, "/agent2", &["x:2"])),
    ]);
    let first = index.read().authorized(&id("/agent1"));
    index.apply(&[put(entry(4, "/c", "/d", &["x:1"]))]);
    index.apply(&[Change::NodePut(Arc::new(NodeRecord {
        serial: "2".into(),
        ..(*node(1, "/agent1", &["x:1"])).clone()
    }))]);
    assert!(Arc::ptr_eq(
        &first,
        &index.read().authorized(&id("/agent1"))
    ));
    assert_eq!(ids(&index, "/agent2"), ["e3", "e4"]);
    index.apply(&[put(entry(5, "/b", "/d", &["x:1"]))]);
    let second = index.read().authorized(&id("/agent1"));
    assert!(second.revision > first.revision);
    assert_eq!(ids(&index, "/agent1"), ["e1", "e2", "e5"]);
}

#[test]
fn aliases_follow_the_nodes_selectors() {
    let index = shared();
    index.apply(&[
        Change::EntryPut(entry(1, "/spire/server", "/alias", &["x:1", "x:2"])),
        Change::EntryPut(entry(2, "/alias", "/w", &["unix:uid:1"])),
        Change::NodePut(node(1, "/agent1", &["x:1"])),
    ]);
    assert!(
        ids(&index, "/agent1").is_empty(),
        "one of two is not enough"
    );
    index.apply(&[Change::NodePut(node(1, "/agent1", &["x:3", "x:2", "x:1"]))]);
    assert_eq!(
        ids(&index, "/agent1"),
        ["e2"],
        "the alias itself is not the agent's"
    );
    assert!(
        ids(&index, "/agent2").is_empty(),
        "an agent nobody knows has no aliases"
    );
}

#[test]
fn the_same_news_twice_is_no_news() {
    let index = shared();
    let put = [Change::EntryPut(entry(1, "/agent1", "/a", &["x:1"]))];
    let mut watch = index.revision_watch();
    index.apply(&put);
    assert!(watch.has_changed().unwrap());
    watch.mark_unchanged();
    index.apply(&put);
    assert!(!watch.has_changed().unwrap());
}

#[test]
fn callers() {
    let index = shared();
    let with = |row, path: &str, admin, downstream| {
        let plain = (*entry(row, "/agent1", path, &["x:1"])).clone();
        Change::EntryPut(Arc::new(Entry {
            admin,
            downstream,
            ..plain
        }))
    };
    index.apply(&[
        with(1, "/a", false, false),
        with(2, "/a", true, false),
        with(3, "/b", false, true),
        with(4, "/b", false, true),
    ]);
    let caller = |path: &str| {
        let caller = index.read().caller(&id(path));
        (caller.admin, caller.downstream.map(|entry| entry.row))
    };
    assert_eq!(caller("/a"), (true, None));
    assert_eq!(caller("/b"), (false, Some(3)));
    assert_eq!(caller("/c"), (false, None));
}
