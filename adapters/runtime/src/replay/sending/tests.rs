//! What is sent when, and what becomes of it.

use std::sync::Mutex;

use async_trait::async_trait;

use super::*;

/// A target that takes everything that has no `no` in it, and remembers how much it was sent at once.
#[derive(Default)]
struct Taking(Mutex<Vec<usize>>);

#[async_trait]
impl Target for Taking {
    async fn send(&self, lines: Vec<u8>) -> Result<Vec<Sent>, SendError> {
        let lines: Vec<&[u8]> = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
        self.0.lock().unwrap().push(lines.len());
        let takes = |line: &&[u8]| !line.windows(2).any(|part| part == b"no");
        let sent = |line| if takes(&line) { Sent::CarriedOut } else { Sent::Refused("never".to_owned()) };
        Ok(lines.into_iter().map(sent).collect())
    }
}

fn command(stream: &str, at_s: i64) -> Outgoing {
    let line = format!(
        r#"{{"stream":"{stream}","recorded":{{"version":0,"position":"7","command_id":"{}"}}}}"#,
        uuid::Uuid::nil()
    );
    Outgoing { line: line.into_bytes(), at: Timestamp::from_micros(at_s * 1_000_000) }
}

#[test]
fn a_pace_says_how_long_after_the_first_a_command_is_sent() {
    let hour = Duration::from_secs(3_600);
    assert_eq!(due(Pace::FlatOut, 5, hour), Duration::ZERO);
    assert_eq!(due(Pace::Recorded, 5, hour), hour);
    assert_eq!(due(Pace::PerSecond(4), 10, hour), Duration::from_millis(2_500));
}

#[tokio::test]
async fn what_is_due_is_sent_together_and_what_is_not_waits() {
    let target = Arc::new(Taking::default());
    let mut sending = Sending::new(target.clone(), Pace::Recorded);
    for at_s in [100, 100, 100, 9_999] {
        sending.push(command("a", at_s));
    }
    assert_eq!(sending.step(Duration::ZERO).await, Ok(Step::Sent));
    assert_eq!(sending.step(Duration::ZERO).await, Ok(Step::Early));
    assert_eq!(*target.0.lock().unwrap(), [3]);
    assert_eq!(sending.counts().carried_out, 3);
}

#[tokio::test]
async fn flat_out_everything_is_due_and_no_more_is_sent_at_once_than_may_be() {
    let target = Arc::new(Taking::default());
    let mut sending = Sending::new(target.clone(), Pace::FlatOut);
    (0..2_500).for_each(|number| sending.push(command("a", number * 60)));
    while sending.step(Duration::ZERO).await != Ok(Step::Idle) {}
    assert_eq!(*target.0.lock().unwrap(), [LINES_MAX, LINES_MAX, 500]);
}

#[tokio::test]
async fn a_refused_command_is_named_and_what_was_sent_with_it_is_counted() {
    let mut sending = Sending::new(Arc::new(Taking::default()), Pace::FlatOut);
    for stream in ["a", "no", "b"] {
        sending.push(command(stream, 0));
    }
    let Ok(Step::Refused(row)) = sending.step(Duration::ZERO).await else { panic!("one is refused") };
    assert_eq!((row.stream.as_str(), row.position, row.text.as_str()), ("no", Position::row(7), "never"));
    assert_eq!(sending.counts().carried_out, 2);
}

/// A target that answers nothing.
struct Silent;

#[async_trait]
impl Target for Silent {
    async fn send(&self, _: Vec<u8>) -> Result<Vec<Sent>, SendError> {
        Ok(Vec::new())
    }
}

#[tokio::test]
async fn a_command_without_an_answer_is_not_taken_for_carried_out() {
    let mut sending = Sending::new(Arc::new(Silent), Pace::FlatOut);
    sending.push(command("a", 0));
    let problem = sending.step(Duration::ZERO).await.unwrap_err();
    assert!(problem.to_string().contains("reissue again"), "{problem}");
}
