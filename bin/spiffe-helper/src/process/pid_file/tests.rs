use std::os::unix::process::ExitStatusExt as _;

use tokio::process::Command;

use super::*;

#[tokio::test]
async fn the_process_in_the_file_is_signalled() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pid");
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    std::fs::write(&path, format!("  {}\n", child.id().unwrap())).unwrap();
    insist(&path, Signal::SIGUSR1).await.unwrap();
    let status = child.wait().await.unwrap();
    assert_eq!(status.signal(), Some(Signal::SIGUSR1 as i32));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_comes_late_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pid");
    let (sender, updates) = watch::channel(0);
    let stopping = CancellationToken::new();
    let task = PidFile::new(path.clone(), Signal::SIGUSR1, updates).run(stopping.clone());
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    let story = async {
        sender.send_replace(1);
        sleep(Duration::from_millis(150)).await;
        std::fs::write(&path, child.id().unwrap().to_string()).unwrap();
        let status = child.wait().await.unwrap();
        assert_eq!(status.signal(), Some(Signal::SIGUSR1 as i32));
        stopping.cancel();
    };
    let (done, ()) = tokio::join!(task, story);
    done.unwrap();
}

#[tokio::test(start_paused = true)]
async fn after_ten_tries_it_is_told_why() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pid");
    let begun = tokio::time::Instant::now();
    let error = insist(&path, Signal::SIGHUP).await.unwrap_err().to_string();
    assert!(error.starts_with("failed to read pid file"), "{error}");
    let waited = begun.elapsed().as_secs_f64();
    assert!((51.1..56.3).contains(&waited), "{waited}");
    for (text, part) in [
        ("x", "invalid digit"),
        ("0", "0 is no process id"),
        ("-1", "-1 is no"),
    ] {
        std::fs::write(&path, text).unwrap();
        let error = signal_once(&path, Signal::SIGHUP).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}
