//! Restart: the task begins again with its first payload, from wherever it stands (`reference/smartdocumentor.md`
//! §4.5). Whoever still works on it comes too late.

use super::{
    Event, ExternalIntegrationStatus, IntegrationStatus, Present, Restarted, Stage, progress::queued,
};
use crate::names::CampaignId;
use crate::stream::Version;

impl Present {
    /// The rule of [`super::Command::Restart`]. A hold outlives it: whoever held the task releases it.
    pub(super) fn restart(&self, campaign: Option<CampaignId>) -> Vec<Event> {
        if campaign.is_some() && campaign == self.campaign {
            return Vec::new();
        }
        let restarted = Event::Restarted(Restarted {
            restart_count: self.restart_count.saturating_add(1),
            campaign,
            withdrawn: self.open_queue(),
        });
        vec![restarted, queued(self.queue(Stage::PreProcessing), &self.payload)]
    }

    pub(super) fn begin_again(&mut self, restarted: &Restarted, version: Version) {
        self.restart_count = restarted.restart_count;
        self.campaign = restarted.campaign;
        self.edits.clear();
        self.integration = IntegrationStatus::default();
        self.external_integration = ExternalIntegrationStatus::default();
        self.reviewed_by.clear();
        self.enter(Stage::PreProcessing, version);
    }
}
