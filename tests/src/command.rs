//! A program that runs to its end.

use std::{
    io::{self, Read},
    process::{Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
};

use anyhow::{Context, Result, anyhow, bail};

use crate::wait::LIMIT;

/// What a finished program left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    /// Standard output of a program that must succeed.
    ///
    /// # Errors
    ///
    /// When it did not.
    pub fn success(self) -> Result<String> {
        if self.code != Some(0) {
            bail!(
                "exit code {:?}, stdout {:?}, stderr {:?}",
                self.code,
                self.stdout,
                self.stderr
            );
        }
        Ok(self.stdout)
    }

    /// Both streams of a program that must fail, with this exit code.
    ///
    /// # Errors
    ///
    /// When it ended otherwise.
    pub fn failure(self, code: i32) -> Result<String> {
        if self.code != Some(code) {
            bail!(
                "exit code {:?} instead of {code}, stdout {:?}, stderr {:?}",
                self.code,
                self.stdout,
                self.stderr
            );
        }
        Ok(self.stdout + &self.stderr)
    }
}

/// Runs a program to its end, with nothing on its standard input and a deadline.
///
/// # Errors
///
/// When it cannot be started or does not end; it is killed then.
pub fn run(command: &mut Command) -> Result<Output> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {command:?}"))?;
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    let read = |stream: Receiver<io::Result<Vec<u8>>>| -> Result<String> {
        let bytes = stream
            .recv_timeout(LIMIT)
            .map_err(|_| anyhow!("no end after {LIMIT:?}"))??;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    match read(stdout).and_then(|out| Ok((out, read(stderr)?))) {
        Ok((stdout, stderr)) => Ok(Output {
            code: child.wait()?.code(),
            stdout,
            stderr,
        }),
        Err(error) => {
            child.kill()?;
            child.wait()?;
            Err(error.context(format!("running {command:?}")))
        }
    }
}

fn collect(stream: Option<impl Read + Send + 'static>) -> Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = match stream {
            Some(mut stream) => stream.read_to_end(&mut bytes),
            None => Ok(0),
        };
        // Nobody listens any more when the deadline has passed.
        drop(sender.send(read.map(|_| bytes)));
    });
    receiver
}
