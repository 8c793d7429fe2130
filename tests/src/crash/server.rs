//! The real server as a process: started over a folder, killed or told to stop. Does not know what is asked of it.

use std::ffi::OsStr;
use std::io::BufReader;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::binary::command;
use crate::place::PATIENCE;

/// A server in a process of its own. Killed when it is dropped.
pub struct Server {
    child: Child,
    lines: Receiver<String>,
    said: Vec<String>,
}

impl Server {
    /// Starts a server over the folder, whose `reprise.toml` says everything but where to listen. It may not listen
    /// yet.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(folder: &Path, workers: usize) -> Self {
        Self::start_with(folder, workers, &[])
    }

    /// Starts one that finds more in its environment.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start_with(folder: &Path, workers: usize, environment: &[(&str, &OsStr)]) -> Self {
        Self::start_as(folder, &["--workers", &workers.to_string()], environment)
    }

    /// Starts one with these options.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start_as(folder: &Path, options: &[&str], environment: &[(&str, &OsStr)]) -> Self {
        let mut arguments = vec!["serve", "--listen", "127.0.0.1:0"];
        arguments.extend(options);
        let mut command = command(folder, &arguments);
        // Plain lines.
        command.envs(environment.iter().copied());
        command.env("NO_COLOR", "1").stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let stderr = child.stderr.take().expect("its stderr is piped");
        let (sender, lines) = channel();
        std::thread::spawn(move || listen(BufReader::new(stderr), &sender));
        Self { child, lines, said: Vec::new() }
    }

    /// Waits until it listens, and gives its base URL; nothing when it does not within the time.
    ///
    /// # Panics
    /// When it ends instead.
    pub fn listens_within(&mut self, limit: Duration) -> Option<String> {
        let end = std::time::Instant::now() + limit;
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(std::time::Instant::now())) {
                Ok(line) => {
                    // As text or as JSON.
                    let url = line.split_once("url=").or_else(|| line.split_once("\"url\":\""));
                    let url = url.and_then(|(_, rest)| rest.split([' ', '"']).next());
                    let url = url.filter(|_| line.contains("listening")).map(str::to_owned);
                    self.said.push(line);
                    if url.is_some() {
                        return url;
                    }
                }
                Err(RecvTimeoutError::Timeout) => return None,
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.child.wait();
                    assert!(
                        self.said.is_empty() && status.is_err(),
                        "the server ended with {status:?}:\n{}",
                        self.said.join("\n")
                    );
                    return None;
                }
            }
        }
    }

    /// Waits until it listens, and gives its base URL.
    ///
    /// # Panics
    /// When it does not in time.
    pub fn listens(&mut self) -> String {
        self.listens_within(PATIENCE).expect("the server listens in time")
    }

    /// Sends SIGKILL and waits until it is gone. Gives what it said.
    ///
    /// # Panics
    /// When it cannot be killed.
    pub fn kill(mut self) -> Vec<String> {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it has ended");
        self.everything_said()
    }

    /// Sends SIGTERM, waits until it is gone, and gives its exit code and what it said.
    ///
    /// # Panics
    /// When it ends otherwise than by itself.
    pub fn stop(mut self) -> (i32, Vec<String>) {
        signal(&self.child, Signal::TERM);
        let status = self.child.wait().expect("it ends");
        (status.code().expect("it ends by itself"), self.everything_said())
    }

    fn everything_said(&mut self) -> Vec<String> {
        self.said.extend(self.lines.iter());
        std::mem::take(&mut self.said)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process that was started here.
///
/// # Panics
/// When it is gone already.
pub fn signal(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process id");
    kill_process(pid, signal).expect("the process is there");
}

fn listen(stderr: impl std::io::BufRead, sender: &Sender<String>) {
    // Whoever started it may have lost interest.
    stderr.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)));
}
