use std::{fs, path::Path};

use nix::sys::signal::Signal;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::*;

fn supervisor(args: &[&str], restart: Restart, renew: Option<Signal>) -> Supervisor {
    let cmd = Cmd {
        program: args[0].to_owned(),
        args: args[1..].iter().map(ToString::to_string).collect(),
        restart,
        stop_timeout: Duration::from_secs(30),
    };
    Supervisor::new(cmd, renew, mpsc::channel(1).1)
}

/// Waits for the child's end as the loop does.
async fn end(supervisor: &mut Supervisor) -> ExitStatus {
    let status = exit(&mut supervisor.child).await;
    supervisor.ended(&status);
    status.unwrap()
}

fn pid(supervisor: &Supervisor) -> Option<u32> {
    supervisor.child.as_ref().and_then(|(child, _)| child.id())
}

/// A named pipe that the child writes to, so that the test waits for an event.
async fn lines(path: &Path) -> tokio::io::Lines<BufReader<tokio::net::unix::pipe::Receiver>> {
    nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let receiver = tokio::net::unix::pipe::OpenOptions::new()
        .read_write(true)
        .open_receiver(path)
        .unwrap();
    BufReader::new(receiver).lines()
}

#[tokio::test]
async fn a_program_that_has_ended_is_started_by_the_next_update() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("touched");
    let mut supervisor = supervisor(&["touch", file.to_str().unwrap()], Restart::OnUpdate, None);
    let mut pids = Vec::new();
    for _ in 0..3 {
        supervisor.update();
        pids.push(pid(&supervisor).unwrap());
        assert!(end(&mut supervisor).await.success());
        assert!(file.exists());
        fs::remove_file(&file).unwrap();
        assert_eq!(supervisor.restart_at, None);
    }
    pids.dedup();
    assert_eq!(pids.len(), 3, "{pids:?}");
}

#[tokio::test]
async fn a_program_that_runs_gets_the_signal_and_keeps_its_pid() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    let mut lines = lines(&fifo).await;
    let script =
        "trap 'echo renewed >\"$0\"' USR1; echo ready >\"$0\"; while :; do sleep 0.01; done";
    let words = ["sh", "-c", script, fifo.to_str().unwrap()];
    let mut supervisor = supervisor(&words, Restart::OnUpdate, Some(Signal::SIGUSR1));
    supervisor.update();
    let first = pid(&supervisor);
    assert_eq!(lines.next_line().await.unwrap().unwrap(), "ready");
    for _ in 0..3 {
        supervisor.update();
        assert_eq!(lines.next_line().await.unwrap().unwrap(), "renewed");
        assert_eq!(pid(&supervisor), first);
    }
    supervisor.stop().await;
    assert_eq!(pid(&supervisor), None, "it has ended and was waited for");
}

#[tokio::test]
async fn without_a_signal_nothing_is_sent() {
    let mut supervisor = supervisor(&["sleep", "60"], Restart::OnUpdate, None);
    supervisor.update();
    let first = pid(&supervisor);
    supervisor.update();
    assert_eq!(pid(&supervisor), first);
    supervisor.stop().await;
}

#[tokio::test]
async fn ends_are_told_apart() {
    for (words, code) in [
        (&["false"][..], Some(1)),
        (&["sh", "-c", "kill -TERM $$"], None),
        (&["sh", "-c", "'echo", "hello'"], Some(2)),
    ] {
        let mut supervisor = supervisor(words, Restart::OnUpdate, None);
        supervisor.update();
        assert_eq!(end(&mut supervisor).await.code(), code, "{words:?}");
    }
}

#[tokio::test]
async fn the_policy_says_what_is_started_again_by_itself() {
    for (program, restart, again) in [
        ("true", Restart::OnUpdate, false),
        ("false", Restart::OnUpdate, false),
        ("true", Restart::OnFailure, false),
        ("false", Restart::OnFailure, true),
        ("true", Restart::Always, true),
        ("false", Restart::Always, true),
    ] {
        let mut supervisor = supervisor(&[program], restart, None);
        supervisor.update();
        end(&mut supervisor).await;
        assert_eq!(
            supervisor.restart_at.is_some(),
            again,
            "{program} {restart:?}"
        );
    }
}

#[tokio::test]
async fn restarts_come_ever_later() {
    let mut supervisor = supervisor(&["false"], Restart::Always, None);
    for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
        supervisor.restart_later();
        let left = supervisor.restart_at.unwrap() - Instant::now();
        assert_eq!(left.as_secs_f64().round() as u64, seconds);
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_is_tried_again_with_the_next_update() {
    let mut supervisor = supervisor(&["/no/such/program"], Restart::OnUpdate, None);
    supervisor.update();
    assert_eq!(pid(&supervisor), None);
    supervisor.cmd.program = "true".to_owned();
    supervisor.update();
    assert!(end(&mut supervisor).await.success());
    let error = ChildError::Start {
        program: "~/x".to_owned(),
        source: io::ErrorKind::NotFound.into(),
    };
    let text = error.to_string();
    assert!(
        text.starts_with("error executing process \"~/x\": "),
        "{text}"
    );
    assert!(text.ends_with("no shell reads it"), "{text}");
}

#[tokio::test]
async fn a_program_that_does_not_end_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    let mut lines = lines(&fifo).await;
    let script = "trap '' TERM; echo ready >\"$0\"; exec sleep 60";
    let mut supervisor = supervisor(
        &["sh", "-c", script, fifo.to_str().unwrap()],
        Restart::OnUpdate,
        None,
    );
    supervisor.cmd.stop_timeout = Duration::ZERO;
    supervisor.update();
    assert_eq!(lines.next_line().await.unwrap().unwrap(), "ready");
    supervisor.stop().await;
    let (child, _) = supervisor.child.as_mut().unwrap();
    assert!(child.try_wait().unwrap().is_none(), "it still runs");
    child.kill().await.unwrap();
}
