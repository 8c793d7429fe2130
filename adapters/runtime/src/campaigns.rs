//! The campaign driver: lists keys, asks for each, moves the cursor, has the canary judged, and ends the campaign when all
//! are settled. Does not know how keys are listed, nor what a campaign may do: [`domain::process::campaign`] does.

mod asked;
mod starting;
mod targets;

use std::time::Duration;

use domain::aggregate::{Aggregate, Refusal};
use domain::campaign::{Campaign, Progress, Stage, Target};
use domain::envelope::Envelope;
use domain::names::{CampaignId, Key, OrganizationId};
use domain::ports::{ContentError, KeyListing, ReadError};
use domain::process::campaign as process;
use domain::stream::{Position, Subject};
use projections::read_model::{self, ReadModelError};
use projections::views::{CampaignRow, Campaigns};

use crate::documents::DocumentError;
use crate::engine::Engine;
use crate::pipeline::SubmitError;
use crate::stop::Stop;
use asked::take_asked;

pub use targets::Targets;

/// The wait after a failure before the next try.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// The least time between two looks at a campaign's members.
const LOOK_DELAY: Duration = Duration::from_millis(20);
/// How many keys per second a campaign may queue is kept in slices of this length.
const PACE_SLICE: Duration = Duration::from_millis(100);

#[derive(Debug, thiserror::Error)]
enum CampaignError {
    #[error(transparent)]
    Read(#[from] ReadModelError),
    #[error(transparent)]
    Submit(#[from] SubmitError),
    #[error(transparent)]
    Log(#[from] ReadError),
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error(transparent)]
    Content(#[from] ContentError),
}

/// What to do after a step.
enum Next {
    /// The next step, at once.
    Go,
    /// The next step when something may have changed.
    Wait,
    /// Nothing: the campaign has ended.
    End,
}

/// Where a driver takes a campaign up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TakenUp {
    /// At its beginning: nothing was asked for yet.
    New,
    /// Where an earlier process left it, maybe in the middle of a chunk.
    Interrupted,
}

/// Drives a campaign that the views show at the position `at`, until it ends.
pub(crate) async fn run(engine: Engine, id: CampaignId, taken_up: TakenUp, at: Position, mut stop: Stop) {
    engine.wait_for_views(at).await;
    let uncertain = match taken_up {
        TakenUp::New => 0,
        TakenUp::Interrupted => process::CHUNK_KEYS_MAX,
    };
    let mut driver = Driver { engine, id, listing: None, uncertain };
    loop {
        let mut moved = driver.engine.views_watch();
        moved.mark_unchanged();
        let step = tokio::select! {
            () = stop.wait() => return,
            step = driver.step() => step,
        };
        match step {
            Ok(Next::Go) => {}
            Ok(Next::End) | Err(CampaignError::Submit(SubmitError::Stopping)) => return,
            Ok(Next::Wait) => {
                tokio::time::sleep(LOOK_DELAY).await;
                tokio::select! {
                    () = stop.wait() => return,
                    _moved = moved.changed() => {}
                }
            }
            Err(error) => {
                tracing::warn!(%error, campaign = %driver.id, "the campaign stands still; trying again");
                driver.report(&error).await;
                driver.listing = None;
                driver.uncertain = process::CHUNK_KEYS_MAX;
                tokio::time::sleep(RETRY_DELAY).await;
            }
        }
    }
}

struct Driver {
    engine: Engine,
    id: CampaignId,
    /// The listing under way and the key that it has come to.
    listing: Option<(Option<Key>, Box<dyn KeyListing>)>,
    /// For how many keys after the cursor it is not certain that they were not asked for already.
    uncertain: usize,
}

impl Driver {
    async fn step(&mut self) -> Result<Next, CampaignError> {
        let Some(progress) = self.progress().await? else { return Ok(Next::End) };
        if let Target::Keys(target) = &progress.target
            && self.engine.unit_settings(&target.unit).await?.is_none()
        {
            self.engine.submit_patiently(process::cancel_without_unit(self.id)).await?;
            return Ok(Next::End);
        }
        match progress.stage {
            Stage::Whole if progress.exhausted => return self.end_if_settled().await,
            Stage::Waiting | Stage::Stopped => return Ok(Next::Wait),
            Stage::Whole | Stage::Canary(_) if progress.paused => return Ok(Next::Wait),
            Stage::Canary(_) if progress.canary_is_asked_for() => {
                return self.judge_if_settled(&progress).await;
            }
            Stage::Whole | Stage::Canary(_) => {}
        }
        let Ok(asked_max) = progress.asked_max() else { return self.count(&progress).await };
        let room = self.room(&progress, asked_max).await?;
        if room == 0 { Ok(Next::Wait) } else { self.ask(&progress, room).await }
    }

    /// Records why the keys cannot be listed, so that whoever looks at the campaign sees it.
    async fn report(&mut self, error: &CampaignError) {
        let problem = match error {
            CampaignError::Content(_) | CampaignError::Document(_) => error.to_string(),
            CampaignError::Read(_) | CampaignError::Submit(_) | CampaignError::Log(_) => return,
        };
        if let Err(error) = self.engine.submit_patiently(process::report(self.id, problem)).await {
            tracing::warn!(%error, campaign = %self.id, "why the campaign stands still could not be recorded");
        }
    }

    async fn progress(&mut self) -> Result<Option<Progress>, SubmitError> {
        match self.engine.inspect(Subject::Campaign(self.id)).await? {
            Aggregate::Campaign(campaign) => match *campaign {
                Campaign::Active(progress) => Ok(Some(*progress)),
                Campaign::Absent | Campaign::Pinning(_) | Campaign::Cancelled | Campaign::Completed => {
                    Ok(None)
                }
            },
            Aggregate::StorageUnit(_)
            | Aggregate::KeyScope(_)
            | Aggregate::Record(_)
            | Aggregate::Task(_)
            | Aggregate::Workspace(_)
            | Aggregate::Batch(_)
            | Aggregate::ExternalId(_)
            | Aggregate::Ids(_)
            | Aggregate::System(_)
            | Aggregate::ApiKey(_)
            | Aggregate::Access(_) => Ok(None),
        }
    }

    async fn row(&mut self) -> Result<Option<CampaignRow>, ReadModelError> {
        read_model::row::<Campaigns>(self.engine.read_model(), &self.id.to_string()).await
    }

    async fn end_if_settled(&mut self) -> Result<Next, CampaignError> {
        match self.settled_row().await? {
            Some(_) => {
                self.engine.submit_patiently(process::complete(self.id)).await?;
                Ok(Next::End)
            }
            None => Ok(Next::Wait),
        }
    }

    async fn judge_if_settled(&mut self, progress: &Progress) -> Result<Next, CampaignError> {
        match self.settled_row().await? {
            // Whoever paused it meanwhile was told that it stands still.
            Some(_) if self.progress().await?.as_ref() != Some(progress) => Ok(Next::Go),
            Some(row) if row.asked >= progress.asked => {
                self.engine.submit_patiently(process::judge(self.id, row.tally())).await?;
                Ok(Next::Go)
            }
            Some(_) | None => Ok(Next::Wait),
        }
    }

    /// The row, when everything that was asked for is settled. It must show every key that was asked for before it is
    /// believed.
    async fn settled_row(&mut self) -> Result<Option<CampaignRow>, CampaignError> {
        if !self.engine.wait_for_views(self.engine.acknowledged()).await {
            return Ok(None);
        }
        Ok(self.row().await?.filter(|row| row.settled() >= row.asked))
    }

    /// Counts the keys, so that it is known how many a percentage of them is.
    async fn count(&mut self, progress: &Progress) -> Result<Next, CampaignError> {
        let mut listing = self.engine.rest(self.id, progress).await?;
        let mut count = 0;
        loop {
            let keys = listing.next(process::CHUNK_KEYS_MAX).await?;
            if self.progress().await?.as_ref() != Some(progress) {
                return Ok(Next::Go);
            }
            if keys.is_empty() {
                self.engine.submit_patiently(process::count(self.id, count)).await?;
                return Ok(Next::Go);
            }
            count += keys.len() as u64;
        }
    }

    /// How many keys may be queued now.
    async fn room(&mut self, progress: &Progress, asked_max: Option<u64>) -> Result<usize, CampaignError> {
        let mut room = process::CHUNK_KEYS_MAX;
        if let Some(asked_max) = asked_max {
            let left = asked_max.saturating_sub(progress.asked);
            room = room.min(usize::try_from(left).unwrap_or(usize::MAX));
        }
        if let Some(in_flight_max) = progress.pace.in_flight_max {
            // As long as the row does not show every key that was asked for, more of them are in flight than it says.
            if !self.engine.wait_for_views(self.engine.acknowledged()).await {
                return Ok(0);
            }
            let in_flight = self.row().await?.map_or(0, |row| row.asked.saturating_sub(row.settled()));
            let free = u64::from(in_flight_max).saturating_sub(in_flight);
            room = room.min(usize::try_from(free).unwrap_or(usize::MAX));
        }
        Ok(room)
    }

    async fn ask(&mut self, progress: &Progress, room: usize) -> Result<Next, CampaignError> {
        let (room, pause) = paced(progress, room);
        let keys = self.next_keys(progress, room).await?;
        // Looking for room and keys takes its time: whoever paused or cancelled it meanwhile was told that it is.
        if self.progress().await?.as_ref() != Some(progress) {
            self.listing = None;
            return Ok(Next::Go);
        }
        if keys.is_empty() {
            self.engine.submit_patiently(process::exhaust(self.id)).await?;
            return Ok(Next::Go);
        }
        let started = tokio::time::Instant::now();
        let owner = self.owner(progress).await?;
        let commands = keys.iter().filter_map(|key| process::ask(self.id, progress, key));
        let mut commands: Vec<_> =
            commands.map(|command| Envelope { organization: owner.clone(), ..command }).collect();
        let mut asked = 0;
        if self.uncertain > 0 {
            asked += take_asked(&self.engine, self.id, &mut commands).await?;
        }
        let results = commands.into_iter().map(|command| self.engine.submit_patiently(command));
        for result in futures::future::join_all(results).await {
            match result {
                Ok(accepted) => asked += usize::from(process::makes_member(&accepted.events)),
                // It was deleted since the campaign began; the others are restarted all the same.
                Err(SubmitError::Refused(Refusal::Task(_))) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if let Some(advance) = process::advance(self.id, progress, &keys, asked) {
            self.engine.submit_patiently(advance).await?;
        }
        self.uncertain = self.uncertain.saturating_sub(keys.len());
        if let Some((cursor, _)) = &mut self.listing {
            *cursor = keys.last().cloned();
        }
        if let Some(pause) = pause {
            tokio::time::sleep_until(started + pause).await;
        }
        Ok(Next::Go)
    }

    /// Whose tasks it restarts; whose a key-scope is follows from its unit.
    async fn owner(&mut self, progress: &Progress) -> Result<Option<OrganizationId>, CampaignError> {
        match progress.target {
            Target::Keys(_) => Ok(None),
            Target::Tasks(_) => Ok(self.row().await?.map(|row| row.organization)),
        }
    }

    /// The keys after the cursor; an open listing is used again when it stands there.
    async fn next_keys(&mut self, progress: &Progress, limit: usize) -> Result<Vec<Key>, CampaignError> {
        match &mut self.listing {
            Some((at, listing)) if *at == progress.cursor => Ok(listing.next(limit).await?),
            Some(_) | None => {
                let listing = self.engine.rest(self.id, progress).await?;
                let (_, listing) = self.listing.insert((progress.cursor.clone(), listing));
                Ok(listing.next(limit).await?)
            }
        }
    }
}

/// How many keys of `room` the pace allows at once, and how long they must last.
fn paced(progress: &Progress, room: usize) -> (usize, Option<Duration>) {
    let Some(per_second) = progress.pace.keys_per_second_max else { return (room, None) };
    let slices_per_second = 1_000 / u32::try_from(PACE_SLICE.as_millis()).unwrap_or(1);
    let keys = usize::try_from(per_second.div_ceil(slices_per_second)).unwrap_or(usize::MAX).min(room).max(1);
    let seconds = keys as f64 / f64::from(per_second.max(1));
    (keys, Some(Duration::from_secs_f64(seconds)))
}
