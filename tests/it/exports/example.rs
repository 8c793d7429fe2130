//! The receiver among the examples, against real deliveries.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::SystemTime;

use domain::ports::{Clock as _, Delivery, Webhooks as _};
use domain::time::Millis;
use tests::harness::SystemClock;

use super::{SECRET, webhooks};

/// A program that ends with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _ended = self.0.wait();
    }
}

#[tokio::test]
async fn the_receiver_among_the_examples_takes_what_is_signed_by_its_secret() {
    for (secret, status) in [(SECRET, 204), ("another secret altogether", 401)] {
        let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/webhook_receiver.py");
        let mut command = Command::new("python3");
        command.args([example, "0"]).env("WEBHOOK_SECRET", secret).stdout(Stdio::piped());
        let mut program = Program(command.spawn().expect("python3 is installed"));
        let mut lines = BufReader::new(program.0.stdout.take().expect("a pipe")).lines();
        let first = lines.next().expect("a line").expect("text");
        let port = first.rsplit(' ').next().expect("a port").to_owned();
        let delivery = || Delivery {
            url: format!("http://127.0.0.1:{port}/"),
            secret: "erp".parse().ok(),
            time_limit_ms: Millis(60_000),
            id: format!("{:?}", SystemTime::UNIX_EPOCH.elapsed().expect("a clock")),
            at: SystemClock.now(),
            body: br#"{"data": {"id": 104, "context": {}, "edits": {}, "outputs": {}}}"#.to_vec(),
        };
        let answer = webhooks().deliver(delivery()).await.expect("an answer");
        assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&answer.body));
        if status == 204 {
            let taken = lines.next().expect("a line").expect("text");
            assert!(taken.starts_with("task 104"), "{taken}");
        }
    }
}
