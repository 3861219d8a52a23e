//! Makes JSON's nested objects look like HCL's labelled and repeated blocks.

use crate::{Item, Value};

/// An item set to objects only, in an object or a list, becomes one item for each of them, with
/// its keys in front; so do the new ones in turn.
pub(super) fn flatten(items: Vec<Item>) -> Vec<Item> {
    let mut pending = items;
    pending.reverse();
    let mut flat = Vec::new();
    while let Some(mut item) = pending.pop() {
        match split(&mut item) {
            Some(parts) => pending.extend(parts.into_iter().rev()),
            None => flat.push(item),
        }
    }
    for item in &mut flat {
        flatten_within(&mut item.value);
    }
    flat
}

fn split(item: &mut Item) -> Option<Vec<Item>> {
    let is_object = |value: &Value| matches!(value, Value::Object(_));
    match &mut item.value {
        Value::Object(object)
            if !object.items.is_empty() && object.items.iter().all(|i| is_object(&i.value)) =>
        {
            let parts = std::mem::take(&mut object.items);
            Some(parts.into_iter().map(|part| under(item, part)).collect())
        }
        Value::List(list) if !list.elements.is_empty() && list.elements.iter().all(is_object) => {
            let parts = std::mem::take(&mut list.elements);
            let make = |value| Item {
                value,
                ..item_shell(item)
            };
            Some(parts.into_iter().map(make).collect())
        }
        _ => None,
    }
}

/// `part` with the keys of `item` in front of its own.
fn under(item: &Item, mut part: Item) -> Item {
    let mut shell = item_shell(item);
    shell.keys.append(&mut part.keys);
    shell.value = part.value;
    shell
}

/// The item without its value.
fn item_shell(item: &Item) -> Item {
    Item {
        keys: item.keys.clone(),
        assign: item.assign,
        value: Value::List(crate::List::default()),
        lead_comment: Vec::new(),
        line_comment: Vec::new(),
    }
}

fn flatten_within(value: &mut Value) {
    match value {
        Value::Object(object) => object.items = flatten(std::mem::take(&mut object.items)),
        Value::List(list) => list.elements.iter_mut().for_each(flatten_within),
        Value::Literal(_) => {}
    }
}
