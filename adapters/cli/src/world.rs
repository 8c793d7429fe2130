//! The clock and the ids of a real machine.

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use domain::ports::{Clock, Ids};
use domain::time::Timestamp;
use uuid::{Builder, Uuid};

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

/// Ids that nobody else gets: the time in front, so that they sort by age, and 74 random bits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RandomIds;

/// How many random bytes each thread asks the system for at once: those of a hundred ids.
const RANDOM_BYTES: usize = 100 * RANDOM_BYTES_PER_ID;
const RANDOM_BYTES_PER_ID: usize = 10;

thread_local! {
    /// Random bytes, and how many of them are used up.
    static RANDOM: RefCell<([u8; RANDOM_BYTES], usize)> = const { RefCell::new(([0; RANDOM_BYTES], RANDOM_BYTES)) };
}

/// Random bytes that nobody else gets.
fn random() -> [u8; RANDOM_BYTES_PER_ID] {
    RANDOM.with_borrow_mut(|(bytes, used)| {
        if *used == RANDOM_BYTES {
            getrandom::fill(bytes).expect("the operating system gives random bytes");
            *used = 0;
        }
        let random = bytes.get(*used..).and_then(<[u8]>::first_chunk);
        *used += RANDOM_BYTES_PER_ID;
        *random.expect("a whole number of ids fits")
    })
}

impl Ids for RandomIds {
    fn fresh(&self) -> Uuid {
        let random = random();
        let millis = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Builder::from_unix_timestamp_millis(u64::try_from(millis).unwrap_or(0), &random).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::thread;

    use super::*;

    #[test]
    fn no_two_ids_are_equal_however_often_and_on_how_many_threads_one_is_asked_for() {
        const IDS: usize = 3 * RANDOM_BYTES / RANDOM_BYTES_PER_ID + 1;
        let ids = || (0..IDS).map(|_| RandomIds.fresh()).collect::<Vec<_>>();
        let asked: Vec<_> = (0..4).map(|_| thread::spawn(ids)).collect();
        let ids: Vec<_> = asked.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        // The last bytes are the random ones: the first have the time, which is the same in between.
        let random: HashSet<_> = ids.iter().map(|id| id.as_u128() & ((1 << 62) - 1)).collect();
        assert_eq!(random.len(), 4 * IDS);
    }
}
