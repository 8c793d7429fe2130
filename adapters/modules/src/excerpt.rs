//! The beginning and the end of a text of any length, in bounded memory. Does not know whose text it is.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

const READ_BYTES: usize = 8 << 10;

/// What is kept: the first half of the allowed bytes as they come, and then always the last half.
#[derive(Debug)]
pub(crate) struct Excerpt {
    head: Vec<u8>,
    head_bytes_max: usize,
    tail: VecDeque<u8>,
    tail_bytes_max: usize,
    left_out_bytes: u64,
}

impl Excerpt {
    pub(crate) fn new(bytes_max: usize) -> Self {
        let tail_bytes_max = bytes_max / 2;
        Self {
            head: Vec::new(),
            head_bytes_max: bytes_max - tail_bytes_max,
            tail: VecDeque::new(),
            tail_bytes_max,
            left_out_bytes: 0,
        }
    }

    /// Reads to the end, so that the writer is never held up, however little is kept.
    pub(crate) async fn read(&mut self, mut source: impl AsyncRead + Unpin) -> io::Result<()> {
        let mut buffer = Vec::with_capacity(READ_BYTES);
        while source.read_buf(&mut buffer).await? > 0 {
            self.push(&buffer);
            buffer.clear();
        }
        Ok(())
    }

    /// What was kept, with a note where something was left out. Bytes that are not UTF-8 are written `\xNN`.
    pub(crate) fn text(&self) -> String {
        let (front, back) = self.tail.as_slices();
        let tail = [front, back].concat();
        if self.left_out_bytes == 0 {
            return readable(&[self.head.as_slice(), &tail].concat());
        }
        format!("{}\n… {} bytes left out …\n{}", readable(&self.head), self.left_out_bytes, readable(&tail))
    }

    /// Takes note of some more.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let room = self.head_bytes_max - self.head.len();
        let (first, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(first);
        self.tail.extend(rest);
        let surplus = self.tail.len().saturating_sub(self.tail_bytes_max);
        self.tail.drain(..surplus);
        self.left_out_bytes += surplus as u64;
    }
}

fn readable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            write!(text, "\\x{byte:02x}").expect("writing to a string cannot fail");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(bytes_max: usize, parts: &[&[u8]]) -> String {
        let mut excerpt = Excerpt::new(bytes_max);
        parts.iter().for_each(|part| excerpt.push(part));
        excerpt.text()
    }

    #[test]
    fn a_short_text_is_kept_as_it_is() {
        assert_eq!(excerpt(8, &[b"abc", b"def", b"gh"]), "abcdefgh");
        assert_eq!(excerpt(8, &["über".as_bytes()]), "über");
    }

    #[test]
    fn of_a_long_text_the_beginning_and_the_end_are_kept() {
        assert_eq!(excerpt(5, &[b"abcdef", b"ghij"]), "abc\n… 5 bytes left out …\nij");
        assert_eq!(excerpt(0, &[b"abc"]), "\n… 3 bytes left out …\n");
    }

    #[test]
    fn bytes_that_are_not_text_stay_visible() {
        assert_eq!(excerpt(8, &[b"a\xff\xfeb"]), "a\\xff\\xfeb");
    }
}
