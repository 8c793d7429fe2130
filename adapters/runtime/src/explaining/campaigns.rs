//! Which campaigns under way will come to a key-scope and have not yet. Does not know what else keeps it.

use domain::campaign;
use domain::event::Event;
use domain::names::Key;
use domain::stream::{KeyScopeId, Subject};
use domain::work::Work;
use projections::explain::{CampaignFacts, Thing};
use projections::read_model::{self, Query, Test};
use projections::view::Value;
use projections::views::{CampaignRow, CampaignState, Campaigns};

use super::ExplainError;
use crate::engine::Engine;

/// How many campaigns that may come to a key-scope are looked at.
const CAMPAIGNS_READ_MAX: usize = 20;

impl Engine {
    /// The campaigns under way that will come to a key-scope and have not yet.
    pub(super) async fn campaigns_to_come(
        &self,
        id: &KeyScopeId,
        work: &Work,
    ) -> Result<Vec<CampaignFacts>, ExplainError> {
        let _reached = self.wait_for_views(self.store().head().await?).await;
        let mut to_come = Vec::new();
        for state in CampaignState::UNDER_WAY {
            let filters = vec![
                ("unit", Test::Is(Value::Text(id.unit.to_string()))),
                ("state", Test::Is(Value::Text(state.name().to_owned()))),
            ];
            let query = Query { filters, ..Query::page(CAMPAIGNS_READ_MAX) };
            let page = read_model::list::<Campaigns>(self.read_model(), query).await?;
            for row in page.rows {
                if let Some(facts) = self.to_come(id, work, row).await? {
                    to_come.push(facts);
                }
            }
        }
        Ok(to_come)
    }

    async fn to_come(
        &self,
        key_scope: &KeyScopeId,
        work: &Work,
        row: CampaignRow,
    ) -> Result<Option<CampaignFacts>, ExplainError> {
        let id = row.id;
        // Keys are visited in the order of the listing, which is theirs; pinned ones in the order of the pins.
        let has_passed = |cursor: &Key| row.pinned.is_none() && *cursor >= key_scope.key;
        let is_for_it = row.scope.as_ref() == Some(&key_scope.scope) && work.campaign != Some(id);
        if !is_for_it || row.exhausted || row.cursor.as_ref().is_some_and(has_passed) {
            return Ok(None);
        }
        let thing = self.thing(Subject::Campaign(id)).await?;
        if row.pinned.is_some() && !is_pinned_ahead(&thing, &key_scope.key, row.cursor.as_ref()) {
            return Ok(None);
        }
        Ok(Some(CampaignFacts { id, thing, row }))
    }
}

/// Whether a campaign has pinned a key and not come to it yet.
fn is_pinned_ahead(campaign: &Thing, key: &Key, cursor: Option<&Key>) -> bool {
    let mut is_ahead = cursor.is_none();
    for event in &campaign.history {
        let Event::Campaign(campaign::Event::TargetsPinned(pinned)) = &event.event else { continue };
        for pinned in &pinned.keys {
            if is_ahead && pinned == key {
                return true;
            }
            is_ahead = is_ahead || cursor == Some(pinned);
        }
    }
    false
}
