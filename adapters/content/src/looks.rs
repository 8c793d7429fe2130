//! Whether files are there, for many who ask at once.
//!
//! A look takes microseconds, and handing it to another thread and waiting for that takes many more. So a thread that is
//! looking takes what is asked meanwhile as well, and further threads help only when much waits, as it does where looks
//! are slow. Does not know who asks.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::ports::ContentError;
use tokio::sync::oneshot;

use crate::folder::Folder;

/// How many threads look into one folder at once.
const LOOKERS_MAX: usize = 16;
/// How many looks may wait for each thread that is looking before one more helps.
const LOOKS_PER_LOOKER: usize = 8;
/// How many files are looked for before it is looked again where their folder is.
const LOOKS_PER_FOLDER: usize = 64;

/// Everything that is looked for, by folder: one that does not answer holds up nobody who asks for another. As much waits as is
/// asked for at once, which is the surfaces' to limit.
#[derive(Debug, Default)]
pub(crate) struct Looks(Arc<Mutex<HashMap<PathBuf, Waiting>>>);

/// What waits for one folder; nothing is kept of folders into which nobody looks.
#[derive(Debug, Default)]
struct Waiting {
    looks: VecDeque<Look>,
    lookers: usize,
}

/// A file that is looked for.
#[derive(Debug)]
struct Look {
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
        if self.add(&folder, Look { path, answer }) {
            let looker = Looker { folder, excluded, waiting: Arc::clone(&self.0), has_left: false };
            drop(tokio::task::spawn_blocking(move || looker.look()));
        }
        let broken_off = || Err(ContentError::Storage("a look into a folder was broken off".to_owned()));
        answered.await.unwrap_or_else(|_| broken_off())
    }

    /// Lets a look wait; says whether one more thread has to look.
    fn add(&self, folder: &Path, look: Look) -> bool {
        let mut folders = lock(&self.0);
        if !folders.contains_key(folder) {
            folders.insert(folder.to_owned(), Waiting::default());
        }
        let Some(Waiting { looks, lookers }) = folders.get_mut(folder) else { return false };
        looks.push_back(look);
        let helps = *lookers < LOOKERS_MAX && looks.len() > *lookers * LOOKS_PER_LOOKER;
        *lookers += usize::from(helps);
        helps
    }
}

/// A thread that is looking.
struct Looker {
    folder: PathBuf,
    excluded: Arc<[PathBuf]>,
    waiting: Arc<Mutex<HashMap<PathBuf, Waiting>>>,
    /// Whether it is no longer counted among those that look.
    has_left: bool,
}

impl Looker {
    /// Looks until nothing waits.
    fn look(mut self) {
        let (mut opened, mut looks) = (None, 0);
        while let Some(Look { path, answer }) = self.next() {
            if looks % LOOKS_PER_FOLDER == 0 {
                opened = None;
            }
            looks += 1;
            // Whoever asked may have gone away.
            drop(answer.send(self.has(&mut opened, &path)));
        }
    }

    fn has(&self, opened: &mut Option<Folder>, path: &str) -> Result<bool, ContentError> {
        match opened {
            Some(folder) => folder.has(path),
            None => opened.insert(Folder::open(&self.folder, Arc::clone(&self.excluded))?).has(path),
        }
    }

    /// The next look. When there is none, this one leaves in the same moment: whatever comes then finds nobody looking.
    fn next(&mut self) -> Option<Look> {
        let mut folders = lock(&self.waiting);
        let next = folders.get_mut(&self.folder).and_then(|waiting| waiting.looks.pop_front());
        if next.is_none() {
            self.has_left = true;
            leave(&mut folders, &self.folder);
        }
        next
    }
}

impl Drop for Looker {
    fn drop(&mut self) {
        if !self.has_left {
            leave(&mut lock(&self.waiting), &self.folder);
        }
    }
}

/// One looker fewer. With the last one goes what waits: its askers hear that it was broken off.
fn leave(folders: &mut HashMap<PathBuf, Waiting>, folder: &Path) {
    if let Some(waiting) = folders.get_mut(folder) {
        waiting.lookers -= 1;
        if waiting.lookers == 0 {
            folders.remove(folder);
        }
    }
}

fn lock(waiting: &Mutex<HashMap<PathBuf, Waiting>>) -> MutexGuard<'_, HashMap<PathBuf, Waiting>> {
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
        let is_left = lock(&looks.0).values().all(|waiting| waiting.looks.is_empty());
        assert!(is_left);
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

    #[tokio::test]
    async fn a_folder_that_does_not_answer_holds_up_nobody_who_asks_for_another() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "").unwrap();
        let looks = Looks::default();
        let stuck = Path::new("/stuck");
        let asked: Vec<_> = (0..2 * LOOKERS_MAX * LOOKS_PER_LOOKER)
            .map(|_| {
                let (answer, answered) = oneshot::channel();
                // Whoever would look there does not come back.
                looks.add(stuck, Look { path: "a".to_owned(), answer });
                answered
            })
            .collect();
        assert_eq!(lock(&looks.0).get(stuck).unwrap().lookers, LOOKERS_MAX);
        assert_eq!(looks.has(folder.path().to_owned(), nothing(), "a".to_owned()).await, Ok(true));
        drop(asked);
    }
}
