use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use tempfile::TempDir;

use super::*;
use crate::config::Layout;

fn files(dir: &Path, layout: Layout) -> X509Files {
    X509Files {
        svid: dir.join("svid.pem"),
        key: dir.join("key.pem"),
        bundle: dir.join("bundle.pem"),
        cert_mode: 0o644,
        key_mode: 0o600,
        intermediates_to_bundle: false,
        federated: false,
        omit_expired: false,
        layout,
    }
}

fn put(files: &X509Files, text: &str) -> Result<Published, DiskError> {
    publish(
        files,
        format!("svid {text}").as_bytes(),
        format!("key {text}").as_bytes(),
        format!("bundle {text}").as_bytes(),
    )
}

fn assert_there(files: &X509Files, text: &str) {
    for (path, what) in [
        (&files.svid, "svid"),
        (&files.key, "key"),
        (&files.bundle, "bundle"),
    ] {
        assert_eq!(fs::read_to_string(path).unwrap(), format!("{what} {text}"));
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn dir() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_generation_replaces_the_one_before() {
    let dir = dir();
    let mut files = files(dir.path(), Layout::Links);
    for round in ["one", "two", "three", "four"] {
        assert_eq!(put(&files, round).unwrap(), Published::Generation);
        assert_there(&files, round);
        assert_eq!((mode(&files.svid), mode(&files.key)), (0o644, 0o600));
    }
    let store = dir.path().join(".svid.pem.generations");
    assert_eq!(
        names(&store).len(),
        3,
        "current, its target and the one before: {:?}",
        names(&store)
    );
    // A mode without write permission does not stand in the way of the next update.
    files.cert_mode = 0o444;
    files.key_mode = 0o400;
    for round in ["five", "six"] {
        put(&files, round).unwrap();
        assert_there(&files, round);
        assert_eq!((mode(&files.bundle), mode(&files.key)), (0o444, 0o400));
    }
    assert_eq!(
        names(dir.path()),
        [".svid.pem.generations", "bundle.pem", "key.pem", "svid.pem"]
    );
}

#[test]
fn plain_files_that_are_there_are_replaced() {
    for layout in [Layout::Links, Layout::Plain] {
        let dir = dir();
        let files = files(dir.path(), layout);
        for path in [&files.svid, &files.key] {
            fs::write(path, "old").unwrap();
            fs::set_permissions(path, Permissions::from_mode(0o640)).unwrap();
        }
        put(&files, "new").unwrap();
        assert_there(&files, "new");
        assert_eq!((mode(&files.svid), mode(&files.key)), (0o644, 0o600));
    }
}

#[test]
fn plain_files_become_links_without_a_moment_in_between() {
    let dir = dir();
    let files = files(dir.path(), Layout::Links);
    put(
        &X509Files {
            layout: Layout::Plain,
            ..files.clone()
        },
        "old",
    )
    .unwrap();
    put(&files, "new").unwrap();
    assert_there(&files, "new");
    // A program that puts a plain file over a link is overruled by the next update.
    fs::remove_file(&files.key).unwrap();
    fs::write(&files.key, "key of somebody else").unwrap();
    put(&files, "newer").unwrap();
    assert_there(&files, "newer");
    assert!(fs::symlink_metadata(&files.key).unwrap().is_symlink());
}

#[test]
fn links_become_plain_files_again_by_setting() {
    let dir = dir();
    let files = files(dir.path(), Layout::Links);
    put(&files, "linked").unwrap();
    let plain = X509Files {
        layout: Layout::Plain,
        ..files
    };
    assert_eq!(
        put(&plain, "plain").unwrap(),
        Published::Plain("file_layout asks for it")
    );
    assert_there(&plain, "plain");
    assert_eq!(names(dir.path()), ["bundle.pem", "key.pem", "svid.pem"]);
    assert!(fs::symlink_metadata(&plain.svid).unwrap().is_file());
}

#[test]
fn somebodys_links_are_followed() {
    let (dir, elsewhere) = (dir(), dir());
    let files = files(dir.path(), Layout::Links);
    let target = elsewhere.path().join("real.pem");
    fs::write(&target, "old").unwrap();
    symlink(&target, &files.svid).unwrap();
    let why = "one of the files is a symbolic link to somewhere else";
    assert_eq!(put(&files, "new").unwrap(), Published::Plain(why));
    assert_there(&files, "new");
    assert_eq!(fs::read_to_string(&target).unwrap(), "svid new");
    let token = dir.path().join("token");
    symlink(&target, &token).unwrap();
    write(&token, b"t", 0o600).unwrap();
    assert_eq!(fs::read_to_string(&target).unwrap(), "t");
    assert!(fs::symlink_metadata(&token).unwrap().is_symlink());
}

#[test]
fn files_in_different_folders_or_of_one_name_are_plain() {
    let dir = dir();
    fs::create_dir(dir.path().join("private")).unwrap();
    let mut files = files(dir.path(), Layout::Links);
    files.key = dir.path().join("private/key.pem");
    assert_eq!(
        put(&files, "x").unwrap(),
        Published::Plain("the files lie in different folders")
    );
    assert_there(&files, "x");
    files.key = files.svid.clone();
    assert_eq!(
        put(&files, "y").unwrap(),
        Published::Plain("two of the files have the same name")
    );
    assert_eq!(fs::read_to_string(&files.svid).unwrap(), "svid y");
}

/// Only root can give a folder to somebody else.
#[test]
fn a_shared_folder_of_another_user_gets_plain_files() {
    let dir = dir();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o1777)).unwrap();
    let files = files(dir.path(), Layout::Links);
    assert_eq!(put(&files, "mine").unwrap(), Published::Generation);
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: a shared folder of another user needs root");
        return;
    }
    nix::unistd::chown(dir.path(), Some(1.into()), None).unwrap();
    let why = "other users could not follow links in a shared folder such as /tmp";
    assert_eq!(put(&files, "yours").unwrap(), Published::Plain(why));
    assert_there(&files, "yours");
    assert_eq!(names(dir.path()), ["bundle.pem", "key.pem", "svid.pem"]);
}

#[test]
fn what_a_killed_process_left_is_cleared_away() {
    let dir = dir();
    let files = files(dir.path(), Layout::Links);
    put(&files, "one").unwrap();
    let store = dir.path().join(".svid.pem.generations");
    fs::create_dir(store.join("generation-half")).unwrap();
    fs::write(store.join("generation-half/key.pem"), "").unwrap();
    symlink("nowhere", store.join("link-half")).unwrap();
    put(&files, "two").unwrap();
    assert_there(&files, "two");
    assert_eq!(names(&store).len(), 3, "{:?}", names(&store));
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let dir = dir();
    let files = files(&dir.path().join("absent"), Layout::Links);
    let error = put(&files, "x").unwrap_err().to_string();
    assert!(
        error.contains("absent/.svid.pem.generations: No such file"),
        "{error}"
    );
    assert!(
        error.ends_with("make the folder first, spiffe-helper does not"),
        "{error}"
    );
    let plain = X509Files {
        layout: Layout::Plain,
        ..files
    };
    let error = put(&plain, "x").unwrap_err().to_string();
    assert!(error.contains("/absent: No such file"), "{error}");
}

/// The generation that the three files come from, opened by way of one `current`.
fn generation(store: &Path) -> Option<[String; 3]> {
    let current = fs::canonicalize(store.join("current")).ok()?;
    let read = |name: &str| fs::read_to_string(current.join(name)).ok();
    Some([read("key.pem")?, read("svid.pem")?, read("bundle.pem")?])
}

#[test]
fn a_reader_of_one_generation_never_sees_two() {
    let dir = dir();
    let files = files(dir.path(), Layout::Links);
    put(&files, "0").unwrap();
    let store = dir.path().join(".svid.pem.generations");
    let over = AtomicBool::new(false);
    let reads = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !over.load(Ordering::Relaxed) {
                // None: two updates went by in between, and the folder is gone.
                let Some([key, svid, bundle]) = generation(&store) else {
                    continue;
                };
                let round = key.strip_prefix("key ").unwrap();
                assert_eq!(
                    (svid, bundle),
                    (format!("svid {round}"), format!("bundle {round}"))
                );
                reads += 1;
            }
            reads
        });
        for round in 1..200 {
            put(&files, &round.to_string()).unwrap();
        }
        over.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    assert!(reads > 0);
}
