//! Starting a campaign whose keys are pinned: they are read once, recorded on the campaign's stream, and only then it
//! begins. Whatever ends this in the middle leaves a campaign that never began. Does not know what it does then.

use std::time::Duration;

use domain::aggregate::Aggregate;
use domain::campaign::{self, Campaign, Start, check_expected};
use domain::envelope::{Command, Envelope};
use domain::names::{CampaignId, CommandId};
use domain::process::campaign as process;
use domain::stream::Subject;

use crate::engine::Engine;
use crate::pipeline::{Accepted, SubmitError};

/// The wait between two tries to say that pinned keys count no longer.
const RETRY_DELAY: Duration = Duration::from_secs(1);
const CUT_OFF: &str = "the engine ended before every key was recorded";
const NOT_BEGUN: &str = "the campaign could not begin";

impl Engine {
    /// Carries out a command that was not carried out before. A campaign with pinned keys begins in several steps, which
    /// come to an end even if the caller leaves.
    pub(crate) async fn submit_new(&self, envelope: Envelope) -> Result<Accepted, SubmitError> {
        let pinned = match &envelope.command {
            Command::Campaign(id, campaign::Command::Start(start)) if start.is_pinned() => {
                Some((*id, start.clone()))
            }
            Command::StorageUnit(..)
            | Command::KeyScope(..)
            | Command::Record(..)
            | Command::Campaign(..)
            | Command::Task(..)
            | Command::Workspace(..)
            | Command::Batch(..)
            | Command::ExternalId(..)
            | Command::Ids(..)
            | Command::System(_)
            | Command::ApiKey(..)
            | Command::Access(..) => None,
        };
        let Some((id, start)) = pinned else { return self.pipeline().submit(envelope).await };
        let engine = self.clone();
        let task = tokio::spawn(async move { engine.start_pinned(id, &start, envelope).await });
        task.await.unwrap_or(Err(SubmitError::Stopping))
    }

    async fn start_pinned(
        &self,
        id: CampaignId,
        start: &Start,
        envelope: Envelope,
    ) -> Result<Accepted, SubmitError> {
        let refused = |refusal: campaign::Refusal| SubmitError::Refused(refusal.into());
        start.check().map_err(refused)?;
        self.check_absent(id).await?;
        let targets = self.targets(&start.target).await?;
        check_expected(start, targets.pinned()).map_err(refused)?;
        let keys = (targets.keys.as_slice(), targets.digest);
        let pins = process::pin(id, (envelope.id, start), keys, || CommandId(self.fresh_id()));
        for pin in pins {
            let pin = Envelope { organization: envelope.organization.clone(), ..pin };
            if let Err(error) = self.submit_patiently(pin).await {
                self.abandon_later(id).await;
                return Err(error);
            }
        }
        let begun = self.pipeline().submit(envelope).await;
        if begun.is_err() {
            self.abandon_later(id).await;
        }
        begun
    }

    async fn check_absent(&self, id: CampaignId) -> Result<(), SubmitError> {
        let refusal = match self.inspect(Subject::Campaign(id)).await? {
            Aggregate::Campaign(campaign) => match *campaign {
                Campaign::Absent => return Ok(()),
                Campaign::Pinning(_) => campaign::Refusal::StillPinning,
                Campaign::Active(_) | Campaign::Cancelled | Campaign::Completed => {
                    campaign::Refusal::AlreadyExists
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
            | Aggregate::Access(_) => return Ok(()),
        };
        Err(SubmitError::Refused(refusal.into()))
    }

    /// Forgets what was pinned for a campaign that did not begin, as soon as the store takes it. One that has begun all the
    /// same stays as it is.
    async fn abandon_later(&self, id: CampaignId) {
        let engine = self.clone();
        let abandon = async move {
            while let Err(error) = engine.abandon(id, NOT_BEGUN).await {
                // Once it is started again, the engine does it.
                if matches!(error, SubmitError::Stopping | SubmitError::Refused(_)) {
                    return;
                }
                tracing::warn!(%error, campaign = %id, "pinned keys are not abandoned yet; trying again");
                tokio::time::sleep(RETRY_DELAY).await;
            }
        };
        self.spawn_sender(abandon).await;
    }

    /// Forgets what an earlier process had pinned for a campaign that did not begin.
    pub(crate) async fn abandon_cut_off(&self, id: CampaignId) -> Result<(), SubmitError> {
        self.abandon(id, CUT_OFF).await
    }

    async fn abandon(&self, id: CampaignId, why: &str) -> Result<(), SubmitError> {
        let abandon = process::abandon(id, CommandId(self.fresh_id()), why);
        self.submit_patiently(abandon).await.map(|_| ())
    }
}
