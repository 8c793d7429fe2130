//! Whether files are there, for many who ask at once.
//!
//! A look takes microseconds, and handing it to another thread and waiting for that takes many more. So a thread that is
//! looking takes what is asked meanwhile as well, and further threads help only when much waits, as it does where looks
//! are slow. Does not know who asks.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::ports::ContentError;
use tokio::sync::oneshot;

use crate::folder::Folder;

/// How many threads look at once.
const LOOKERS_MAX: usize = 16;
/// How many looks may wait for each thread that is looking before one more helps.
const LOOKS_PER_LOOKER: usize = 8;
/// How many files are looked for before it is looked again where their folder is.
const LOOKS_PER_FOLDER: usize = 64;

/// Everything that is looked for.
#[derive(Debug, Default)]
pub(crate) struct Looks(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    looks: VecDeque<Look>,
    lookers: usize,
}

/// A file that is looked for.
#[derive(Debug)]
struct Look {
    folder: PathBuf,
    excluded: Arc<[PathBuf]>,
    path: String,
    answer: oneshot::Sender<Result<bool, ContentError>>,
}

impl Looks {
    /// Whether there is a file at a path below a folder.
    pub(crate) async fn has(
        &self,
        folder: PathBuf,
        excluded: Arc<[PathBuf]>,
        path: String,
    ) -> Result<bool, ContentError> {
        let (answer, answered) = oneshot::channel();
        let helps = {
            let mut waiting = lock(&self.0);
            waiting.looks.push_back(Look { folder, excluded, path, answer });
            let helps =
                waiting.lookers < LOOKERS_MAX && waiting.looks.len() > waiting.lookers * LOOKS_PER_LOOKER;
            waiting.lookers += usize::from(helps);
            helps
        };
        if helps {
            let looker = Looker { waiting: Arc::clone(&self.0), has_left: false };
            drop(tokio::task::spawn_blocking(move || looker.look()));
        }
        let broken_off = || Err(ContentError::Storage("a look into a folder was broken off".to_owned()));
        answered.await.unwrap_or_else(|_| broken_off())
    }
}

/// A thread that is looking.
struct Looker {
    waiting: Arc<Mutex<Waiting>>,
    /// Whether it is no longer counted among those that look.
    has_left: bool,
}

impl Looker {
    /// Looks until nothing waits.
    fn look(mut self) {
        let mut folder = None;
        let mut looks = 0;
        while let Some(look) = self.next() {
            if looks % LOOKS_PER_FOLDER == 0 {
                folder = None;
            }
            looks += 1;
            let Look { folder: named, excluded, path, answer } = look;
            // Whoever asked may have gone away.
            drop(answer.send(has(&mut folder, named, excluded, &path)));
        }
    }

    /// The next look. When there is none, this one leaves in the same moment: whatever comes then finds nobody looking.
    fn next(&mut self) -> Option<Look> {
        let mut waiting = lock(&self.waiting);
        let next = waiting.looks.pop_front();
        if next.is_none() {
            waiting.lookers -= 1;
            self.has_left = true;
        }
        next
    }
}

impl Drop for Looker {
    fn drop(&mut self) {
        if !self.has_left {
            lock(&self.waiting).lookers -= 1;
        }
    }
}

/// The folder of the look before, as it was named and as it was found.
type Opened = Option<(PathBuf, Folder)>;

/// Whether there is a file at a path below a folder, which is looked for only if it is not the one before.
fn has(
    opened: &mut Opened,
    named: PathBuf,
    excluded: Arc<[PathBuf]>,
    path: &str,
) -> Result<bool, ContentError> {
    match opened {
        Some((known, folder)) if *known == named => folder.has(path),
        Some(_) | None => {
            let folder = Folder::open(&named, excluded)?;
            opened.insert((named, folder)).1.has(path)
        }
    }
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn nothing() -> Arc<[PathBuf]> {
        Arc::from(Vec::new())
    }

    #[tokio::test]
    async fn everybody_who_asks_at_once_is_answered_for_their_own_file() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        for number in (0..400).step_by(2) {
            fs::write(folders[number / 2 % 2].path().join(number.to_string()), "").unwrap();
        }
        let looks = Looks::default();
        let asked = (0..400).map(|number: usize| {
            looks.has(folders[number / 2 % 2].path().to_owned(), nothing(), number.to_string())
        });
        for (number, found) in futures::future::join_all(asked).await.into_iter().enumerate() {
            assert_eq!(found, Ok(number % 2 == 0), "{number}");
        }
        assert_eq!(looks.has(folders[0].path().to_owned(), nothing(), "0".to_owned()).await, Ok(true));
        let waiting = lock(&looks.0);
        assert_eq!(waiting.looks.len(), 0);
    }

    #[tokio::test]
    async fn a_folder_that_is_gone_is_said_to_be_gone() {
        let folder = tempfile::tempdir().unwrap().path().to_owned();
        let found = Looks::default().has(folder, nothing(), "a".to_owned()).await;
        assert!(matches!(found, Err(ContentError::Location(_))), "{found:?}");
    }

    #[tokio::test]
    async fn whoever_gives_up_holds_up_nobody() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "").unwrap();
        let looks = Looks::default();
        for _ in 0..100 {
            let asked = looks.has(folder.path().to_owned(), nothing(), "a".to_owned());
            // Polled once and dropped.
            drop(futures::future::select(Box::pin(asked), futures::future::ready(())).await);
        }
        assert_eq!(looks.has(folder.path().to_owned(), nothing(), "a".to_owned()).await, Ok(true));
    }
}
