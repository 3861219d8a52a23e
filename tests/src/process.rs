//! A program that runs beside the test: its output is kept, and it ends with its guard.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use nix::{
    pty::openpty,
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::wait::LIMIT;

/// Where a program's output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminal {
    /// Two pipes.
    No,
    /// Standard output is a terminal.
    Yes,
}

/// A running program. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    output: Arc<Output>,
}

#[derive(Debug, Default)]
struct Output {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<String>,
    /// Streams that are still open. None open: the program has ended.
    open: usize,
}

impl Process {
    /// Starts a program; each line it writes is kept, and copied to the file `log`.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start(name: &str, mut command: Command, log: &Path, terminal: Terminal) -> Result<Self> {
        let file = Arc::new(File::options().create(true).append(true).open(log)?);
        let output = Arc::new(Output::default());
        command.stdin(Stdio::null()).stderr(Stdio::piped());
        let master = match terminal {
            Terminal::No => {
                command.stdout(Stdio::piped());
                None
            }
            Terminal::Yes => {
                let pty = openpty(None, None).context("opening a terminal")?;
                command.stdout(Stdio::from(pty.slave));
                Some(File::from(pty.master))
            }
        };
        let mut child = command
            .spawn()
            .with_context(|| format!("starting {command:?}"))?;
        drop(command); // it holds our copy of the terminal's other end
        let mut streams: Vec<Box<dyn io::Read + Send>> = Vec::new();
        streams.extend(
            child
                .stdout
                .take()
                .map(|s| Box::new(s) as Box<dyn io::Read + Send>),
        );
        streams.extend(
            child
                .stderr
                .take()
                .map(|s| Box::new(s) as Box<dyn io::Read + Send>),
        );
        streams.extend(master.map(|s| Box::new(s) as Box<dyn io::Read + Send>));
        output.lock().open = streams.len();
        for stream in streams {
            let (output, file) = (Arc::clone(&output), Arc::clone(&file));
            thread::spawn(move || output.read(stream, &file));
        }
        Ok(Self {
            name: name.to_owned(),
            child,
            output,
        })
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All lines so far.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.output.lock().lines.clone()
    }

    /// How many lines there are so far: where [`Self::wait_line`] may start looking.
    #[must_use]
    pub fn mark(&self) -> usize {
        self.output.lock().lines.len()
    }

    /// Waits for a line that contains `needle`, not looking at the first `mark` lines.
    ///
    /// # Errors
    ///
    /// When the program ends or falls silent without such a line.
    pub fn wait_line(&self, mark: usize, needle: &str) -> Result<String> {
        let lines = self.wait_lines(mark, needle, 1)?;
        lines.into_iter().next().ok_or_else(|| anyhow!("no line"))
    }

    /// Waits for `count` lines that contain `needle`, not looking at the first `mark` lines.
    ///
    /// # Errors
    ///
    /// When the program ends or falls silent without these lines.
    pub fn wait_lines(&self, mark: usize, needle: &str, count: usize) -> Result<Vec<String>> {
        let found = |state: &State| -> Vec<String> {
            let later = state.lines.iter().skip(mark);
            later
                .filter(|line| line.contains(needle))
                .take(count)
                .cloned()
                .collect()
        };
        let (state, _) = self
            .output
            .changed
            .wait_timeout_while(self.output.lock(), LIMIT, |state| {
                state.open > 0 && found(state).len() < count
            })
            .unwrap_or_else(PoisonError::into_inner);
        let lines = found(&state);
        if lines.len() < count {
            let ending = if state.open == 0 {
                "has ended"
            } else {
                "goes on"
            };
            let tail = tail(&state.lines);
            bail!(
                "{} {ending} without the line {needle:?}; its last lines:\n{tail}",
                self.name
            );
        }
        Ok(lines)
    }

    /// Waits until the program has ended by itself.
    ///
    /// # Errors
    ///
    /// When it does not.
    pub fn wait_exit(&mut self, limit: Duration) -> Result<ExitStatus> {
        let (state, _) = self
            .output
            .changed
            .wait_timeout_while(self.output.lock(), limit, |state| state.open > 0)
            .unwrap_or_else(PoisonError::into_inner);
        if state.open > 0 {
            let tail = tail(&state.lines);
            bail!(
                "{} still runs after {limit:?}; its last lines:\n{tail}",
                self.name
            );
        }
        drop(state);
        Ok(self.child.wait()?)
    }

    /// Asks the program to end (SIGTERM) and waits until it has.
    ///
    /// # Errors
    ///
    /// When it does not end.
    pub fn terminate(mut self) -> Result<ExitStatus> {
        self.signal(Signal::SIGTERM)?;
        self.wait_exit(LIMIT)
    }

    /// Kills the program (SIGKILL) and waits until it is gone.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Sends a signal.
    ///
    /// # Errors
    ///
    /// When the program is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = Pid::from_raw(i32::try_from(self.child.id())?);
        kill(pid, signal).with_context(|| format!("sending {signal} to {}", self.name))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An error here means that it has ended already.
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

impl Output {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads one stream to its end. A terminal ends with an error, which is as good.
    fn read(&self, stream: impl io::Read, mut file: &File) {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            // The copy is for a person who looks into a failure; the case goes on without it.
            drop(writeln!(file, "{text}"));
            self.lock().lines.push(text);
            self.changed.notify_all();
            line.clear();
        }
        self.lock().open -= 1;
        self.changed.notify_all();
    }
}

fn tail(lines: &[String]) -> String {
    lines[lines.len().saturating_sub(15)..].join("\n")
}
