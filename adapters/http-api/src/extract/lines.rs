//! Bodies that come line by line: read as they arrive, each line bounded, never all at once. Does not know what a line
//! says.

use axum::body::{Body, BodyDataStream};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use bytes::{Buf as _, BytesMut};
use futures::StreamExt as _;

/// Whether a body says itself that it comes line by line.
pub(crate) fn is_ndjson(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(essence.as_str(), "application/x-ndjson" | "application/ndjson" | "application/jsonl")
}

/// The lines of a body.
pub(crate) struct Lines {
    body: BodyDataStream,
    arrived: BytesMut,
    line_bytes_max: usize,
    /// Whether the line that is arriving is too long; the rest of it is passed over.
    too_long: bool,
    ended: bool,
}

/// One line of a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Its bytes, without the line's end; never empty.
    Bytes(BytesMut),
    /// It has more bytes than are allowed.
    TooLong,
    /// The body broke off; nothing comes after this.
    Broken,
}

impl Lines {
    pub(crate) fn new(body: Body, line_bytes_max: usize) -> Self {
        let (arrived, body) = (BytesMut::new(), body.into_data_stream());
        Self { body, arrived, line_bytes_max, too_long: false, ended: false }
    }

    /// The next line that is not blank. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Option<Line> {
        loop {
            if let Some(line) = self.whole_line() {
                return Some(line);
            }
            if self.ended {
                return self.last_line();
            }
            match self.body.next().await {
                Some(Ok(bytes)) => self.arrived.extend_from_slice(&bytes),
                Some(Err(_)) => {
                    self.ended = true;
                    self.arrived.clear();
                    return Some(Line::Broken);
                }
                None => self.ended = true,
            }
        }
    }

    fn whole_line(&mut self) -> Option<Line> {
        while let Some(end) = self.arrived.iter().position(|byte| *byte == b'\n') {
            let line = self.arrived.split_to(end);
            self.arrived.advance(1);
            let line = self.line(line);
            if line.is_some() {
                return line;
            }
        }
        if self.arrived.len() > self.line_bytes_max {
            self.too_long = true;
            self.arrived.clear();
        }
        None
    }

    fn last_line(&mut self) -> Option<Line> {
        let line = self.arrived.split();
        self.line(line)
    }

    fn line(&mut self, bytes: BytesMut) -> Option<Line> {
        if std::mem::take(&mut self.too_long) || bytes.len() > self.line_bytes_max {
            return Some(Line::TooLong);
        }
        (!bytes.trim_ascii().is_empty()).then_some(Line::Bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::Bytes;

    use super::*;

    async fn lines(parts: &[&str]) -> Vec<String> {
        let parts: Vec<_> =
            parts.iter().map(|part| Ok::<_, Infallible>(Bytes::copy_from_slice(part.as_bytes()))).collect();
        let mut lines = Lines::new(Body::from_stream(futures::stream::iter(parts)), 4);
        let mut shown = Vec::new();
        while let Some(line) = lines.next().await {
            shown.push(match line {
                Line::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                Line::TooLong => "too long".to_owned(),
                Line::Broken => "broken".to_owned(),
            });
        }
        shown
    }

    #[tokio::test]
    async fn lines_are_the_same_however_they_arrive() {
        let expected = ["a", "bcde", "f"];
        assert_eq!(lines(&["a\nbcde\n\n \r\nf"]).await, expected);
        assert_eq!(lines(&["a", "\nb", "cd", "e\n\n \r\n", "f\n"]).await, expected);
        assert_eq!(lines(&[]).await, [""; 0]);
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_passed_over_and_the_next_is_read() {
        assert_eq!(lines(&["abcde\nf\n"]).await, ["too long", "f"]);
        assert_eq!(lines(&["abc", "def", "ghi", "jkl\nf"]).await, ["too long", "f"]);
        assert_eq!(lines(&["a\nabcdef"]).await, ["a", "too long"]);
    }
}
