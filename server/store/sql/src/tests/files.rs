//! Files that are no database, or not one any more, and places where none can be.

use std::{fs, path::Path};

use steeple_store::StoreError;

use super::{create, folder, open};

async fn refusal(path: &Path) -> StoreError {
    match open(path).await {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(error) => error,
    }
}

#[tokio::test]
async fn garbage_is_refused_and_stays_as_it_is() {
    let folder = folder();
    for (name, content) in [("short", vec![7u8; 50]), ("long", vec![7u8; 9000])] {
        let path = folder.path().join(name);
        fs::write(&path, &content).unwrap();
        let error = refusal(&path).await;
        assert!(
            matches!(&error, StoreError::Corrupt(why) if why.contains("not an SQLite database")),
            "{error}"
        );
        assert!(
            error.to_string().contains(path.to_str().unwrap()),
            "{error}"
        );
        assert_eq!(fs::read(&path).unwrap(), content);
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            if name == "short" { 1 } else { 2 }
        );
    }
}

#[tokio::test]
async fn a_cut_file_is_refused_and_stays_as_it_is() {
    let folder = folder();
    let path = folder.path().join("d.sqlite3");
    let store = open(&path).await.unwrap();
    for n in 0..200 {
        create(&store, n).await.unwrap();
    }
    drop(store);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let error = refusal(&path).await;
    assert!(
        matches!(&error, StoreError::Corrupt(why) if why.contains("cut off")),
        "{error}"
    );
    assert_eq!(fs::read(&path).unwrap(), whole[..whole.len() / 2]);
    fs::write(&path, &whole).unwrap();
    drop(open(&path).await.unwrap());
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named() {
    let folder = folder();
    let path = folder.path().join("none/d.sqlite3");
    let error = refusal(&path).await;
    assert!(matches!(error, StoreError::Io(_)), "{error}");
    let text = error.to_string();
    assert!(
        text.contains(path.to_str().unwrap()) && text.contains("folder exists"),
        "{text}"
    );
}
