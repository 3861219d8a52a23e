//! No text may make the HCL reader panic, nor anything one can ask of what it read; and what was
//! printed can be read again, with the same names in the same places.
#![no_main]

use libfuzzer_sys::fuzz_target;
use steeple_hcl::{Item, Report, parse_bytes, print};

fn names(items: &[Item]) -> Vec<&str> {
    let keys = items.iter().flat_map(|item| &item.keys);
    keys.map(|key| key.name.as_str()).collect()
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = parse_bytes("fuzz", bytes) else {
        return;
    };
    let report = Report::new();
    let section = document.section(&report);
    for name in names(&document.root.items) {
        section.string(name);
        section.int(name);
        section.strings(name);
        section.duration(name);
        section.sections(name);
        section.labelled(name);
    }
    section.finish();
    let native = document
        .root
        .items
        .iter()
        .flat_map(|i| &i.keys)
        .all(|key| !key.json);
    let printed = print(&document.root) + "\n";
    if native && let Ok(again) = parse_bytes("again", printed.as_bytes()) {
        assert_eq!(names(&document.root.items), names(&again.root.items));
    }
});
