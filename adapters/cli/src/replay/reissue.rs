//! `reprise replay reissue`: recorded commands sent to another instance, with everything that was recorded about them. Does
//! not know what they ask.

mod lines;

use std::time::{Duration, Instant};

use domain::time::Timestamp;
use serde_json::Value;

use super::{Source, source};
use crate::args::{Global, Pace, ReissueOptions};
use crate::client::Client;
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::output;
use lines::{Line, Lines};

/// How many commands are sent in one request.
const LINES_MAX: usize = 1_000;
/// How many bytes of commands are sent in one request, about.
const BYTES_MAX: usize = 4 << 20;

pub(super) async fn run(global: &Global, config: &Config, options: ReissueOptions) -> Result<Exit, CliError> {
    let ReissueOptions { filter, pace, to, to_api_key } = options;
    let target = Client::at(global, &to, to_api_key)?;
    let filter = filter.filter();
    let mut lines = match source(global, config)? {
        Source::Log(store) => Lines::of_log(store, &filter)?,
        Source::Server(client) => Lines::of_server(client, &filter)?,
    };
    let mut sending = Sending::new(target, pace.pace());
    while let Some(page) = lines.next().await? {
        for line in page {
            sending.send(line).await?;
        }
    }
    sending.flush().await?;
    sending.told(global);
    Ok(Exit::Done)
}

/// Commands on their way.
struct Sending {
    target: Client,
    pace: Pace,
    began: Instant,
    /// When the first command was decided where it was recorded.
    first: Option<Timestamp>,
    count: u64,
    waiting: Vec<u8>,
    waiting_lines: usize,
    carried: u64,
    known: u64,
}

impl Sending {
    fn new(target: Client, pace: Pace) -> Self {
        let (began, waiting) = (Instant::now(), Vec::new());
        Self { target, pace, began, first: None, count: 0, waiting, waiting_lines: 0, carried: 0, known: 0 }
    }

    /// Sends a command when its time has come, together with others as long as nothing has to be waited for.
    async fn send(&mut self, line: Line) -> Result<(), CliError> {
        let due = self.due(line.at);
        let wait = due.saturating_sub(self.began.elapsed());
        if !wait.is_zero() {
            self.flush().await?;
            tokio::time::sleep(due.saturating_sub(self.began.elapsed())).await;
        }
        self.count += 1;
        self.waiting.extend_from_slice(&line.json);
        self.waiting.push(b'\n');
        self.waiting_lines += 1;
        if self.waiting_lines >= LINES_MAX || self.waiting.len() >= BYTES_MAX {
            self.flush().await?;
        }
        Ok(())
    }

    /// How long after the beginning a command is to be sent.
    fn due(&mut self, at: Timestamp) -> Duration {
        match self.pace {
            Pace::FlatOut => Duration::ZERO,
            Pace::PerSecond(rate) => Duration::from_secs_f64(self.count as f64 / f64::from(rate)),
            Pace::Recorded => {
                let first = *self.first.get_or_insert(at);
                Duration::from_millis(at.since(first).0)
            }
        }
    }

    /// Sends what waits. The first command that is refused ends everything: those after it may rely on it.
    async fn flush(&mut self) -> Result<(), CliError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let body = std::mem::take(&mut self.waiting);
        let sent = std::mem::take(&mut self.waiting_lines);
        let (mut carried, mut known, mut refused) = (0, 0, None);
        let path = "/v1/commands?context=recorded";
        self.target
            .send_lines(path, body, |result| match result.get("status").and_then(Value::as_str) {
                Some("accepted") => carried += 1,
                Some("nothing") => known += 1,
                _ => refused = refused.take().or_else(|| Some(result.clone())),
            })
            .await?;
        self.carried += carried;
        self.known += known;
        match refused {
            Some(refused) => {
                self.complain_of_progress();
                Err(refusal(&refused))
            }
            None if carried + known == sent as u64 => Ok(()),
            None => Err(CliError::Unavailable(
                "the other instance did not answer every command; reissue again, what it has is found to be there"
                    .to_owned(),
            )),
        }
    }

    fn complain_of_progress(&self) {
        output::note(&format!(
            "{} commands were carried out before, {} were there already",
            self.carried, self.known
        ));
    }

    fn told(&self, global: &Global) {
        let Self { carried, known, .. } = self;
        if global.json {
            output::json(&serde_json::json!({ "carried_out": carried, "there_already": known }));
        } else {
            let seconds = self.began.elapsed().as_secs_f64();
            output::line(&format!(
                "{carried} commands carried out, {known} were there already, in {seconds:.1} s"
            ));
        }
    }
}

fn refusal(result: &Value) -> CliError {
    let text = |pointer| result.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let text = format!("the command {} was not carried out: {}", text("/id"), text("/problem/detail"));
    if result.get("status").is_some_and(|status| status == "failed") {
        CliError::Unavailable(text)
    } else {
        CliError::Refused(text)
    }
}
