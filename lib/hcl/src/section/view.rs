//! An item seen from some way down its keys.

use crate::{Item, Key, Pos, Value};

/// An item without the first few of its keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    item: &'a Item,
    skip: usize,
}

impl<'a> View<'a> {
    /// The item with all its keys.
    pub(crate) fn whole(item: &'a Item) -> Self {
        Self { item, skip: 0 }
    }

    /// The first key that is left.
    pub(super) fn key(&self) -> Option<&'a Key> {
        self.item.keys.get(self.skip)
    }

    /// Where the first key that is left stands.
    pub(super) fn pos(&self) -> Pos {
        self.key().map_or_else(|| self.value().pos(), |key| key.pos)
    }

    pub(super) fn value(&self) -> &'a Value {
        &self.item.value
    }

    /// The same with one key fewer, unless that was the last.
    pub(super) fn deeper(&self) -> Option<Self> {
        let skip = self.skip + 1;
        (skip < self.item.keys.len()).then_some(Self { skip, ..*self })
    }

    /// The content where this is one of several of the same key. In JSON the further keys are an
    /// object's only field, flattened; in HCL the next one is a label that nothing reads.
    pub(super) fn element(&self) -> Option<Self> {
        let deeper = self.deeper()?;
        if deeper.key().is_some_and(|key| key.json) {
            return Some(deeper);
        }
        deeper.deeper()
    }

    /// A copy of the item with the keys that are left.
    pub(super) fn to_item(self) -> Item {
        let mut item = self.item.clone();
        item.keys.drain(..self.skip);
        item
    }
}

/// Whether two keys are the same but for case, by Unicode's simple folding.
pub(super) fn same_key(a: &str, b: &str) -> bool {
    let fold = |c: char| c.to_uppercase().flat_map(char::to_lowercase);
    a == b || a.chars().flat_map(fold).eq(b.chars().flat_map(fold))
}
