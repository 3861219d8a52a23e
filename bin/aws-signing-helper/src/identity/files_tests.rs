use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

use super::*;

struct Pair {
    certificate: String,
    key: String,
}

fn pair() -> Pair {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::default().self_signed(&key).unwrap();
    Pair {
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    }
}

struct Room {
    folder: TempDir,
    files: Files,
}

impl Room {
    /// The clock stands an hour ahead, so that no file looks fresh and nothing waits.
    fn new(pair: &Pair) -> Self {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let paths = Paths {
            certificate: path("c.pem"),
            key: Some(path("k.pem")),
            intermediates: Some(path("i.pem")),
        };
        let soon = Clock::system().now() + Duration::from_secs(3600);
        let clock = Clock::following_tokio(soon);
        let log = Log::new(clock.clone(), false);
        let files = Files::new(paths, Password::default(), clock, log);
        let room = Self { folder, files };
        room.write("i.pem", &pair.certificate);
        room.put(pair);
        room
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn put(&self, pair: &Pair) {
        self.write("c.pem", &pair.certificate);
        self.write("k.pem", &pair.key);
    }

    async fn serial(&self) -> Result<String, IdentityError> {
        let identity = self.files.identity().await?;
        Ok(identity.leaf.serial.to_string())
    }
}

#[tokio::test]
async fn files_are_read_anew_each_time() {
    let (one, other) = (pair(), pair());
    let room = Room::new(&one);
    let first = room.serial().await.unwrap();
    room.put(&other);
    assert_ne!(room.serial().await.unwrap(), first);
}

#[tokio::test]
async fn what_was_good_stays_while_files_are_not() {
    let (one, other) = (pair(), pair());
    let room = Room::new(&one);
    let first = room.serial().await.unwrap();
    for (name, text) in [
        ("k.pem", other.key.as_str()),
        ("k.pem", &one.key[..50]),
        ("k.pem", ""),
        ("c.pem", ""),
        ("c.pem", &one.certificate[..50]),
        ("i.pem", &one.key),
    ] {
        room.put(&one);
        room.write(name, text);
        assert_eq!(room.serial().await.unwrap(), first, "{name} {text}");
    }
}

#[tokio::test]
async fn without_anything_good_the_error_says_what_is_wrong() {
    let (one, other) = (pair(), pair());
    let room = Room::new(&one);
    room.write("k.pem", &other.key);
    let error = room.serial().await.unwrap_err();
    assert!(matches!(error, IdentityError::Mismatch { .. }), "{error}");
    room.write("k.pem", &one.certificate);
    let error = room.serial().await.unwrap_err().to_string();
    assert!(error.ends_with("it holds no private key"), "{error}");
    fs::remove_file(room.folder.path().join("k.pem")).unwrap();
    let error = room.serial().await.unwrap_err();
    assert!(matches!(error, IdentityError::Read { .. }), "{error}");
}

#[tokio::test]
async fn a_chain_that_cannot_be_read_is_left_out() {
    let one = pair();
    let room = Room::new(&one);
    room.write("i.pem", "");
    assert!(room.files.identity().await.unwrap().chain.is_empty());
    room.write("i.pem", &one.certificate);
    assert_eq!(room.files.identity().await.unwrap().chain.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_just_written_is_read_again() {
    let (one, other) = (pair(), pair());
    let mut room = Room::new(&one);
    // Now the files are fresh.
    room.files.clock = Clock::following_tokio(Clock::system().now());
    room.write("k.pem", &other.key);
    let (read, ()) = tokio::join!(room.serial(), async {
        tokio::time::sleep(PAUSE * 3).await;
        room.put(&other);
    });
    read.unwrap();
}
