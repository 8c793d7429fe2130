//! Whose things are whose, and who is let in: an engine as an organization has it, API keys, and what is refused.
//! Does not know how callers present themselves.

use std::sync::Arc;

use domain::aggregate::Refusal;
use domain::envelope::{Command, Envelope};
use domain::names::{Actor, ApiKeyId, CommandId, KeyName, OrganizationId, StorageUnitName};
use domain::ports::EventStore;
use domain::stream::{AccessDay, Subject, Version};
use domain::time::Day;
use domain::{access, api_key, campaign, storage_unit, task, workspace};
use projections::read_model::{self, ReadModel};
use projections::views::ApiKeys;

use super::{Engine, Parts, Sight, StartError};
use crate::keys::{Denied, KeyHolder};
use crate::outside::digest_of;
use crate::own::{OwnEvents, OwnRows};
use crate::owners::Owners;
use crate::past::{ClockThen, Then};
use crate::pipeline::{Accepted, SubmitError};
use crate::refusals::Knock;

// ── Organizations ──────────────────────────────────────────────────────────────────────────────────────────────

impl Engine {
    /// The same engine as an organization has it: what belongs to others is not there, to read or to ask for.
    #[must_use]
    pub fn of(&self, organization: OrganizationId) -> Self {
        let Parts { store, read_model, .. } = &self.0.parts;
        let engine = self.sight(Some(organization), None, store.clone(), read_model.clone());
        match self.then() {
            Some((then, _)) => engine.at(*then),
            None => engine,
        }
    }

    /// The same engine at a moment, of which log and rows are these.
    pub(crate) fn seen(
        &self,
        then: Then,
        store: Arc<dyn EventStore>,
        read_model: Arc<dyn ReadModel>,
    ) -> Self {
        self.sight(self.organization().cloned(), Some(then), store, read_model)
    }

    fn sight(
        &self,
        organization: Option<OrganizationId>,
        then: Option<Then>,
        store: Arc<dyn EventStore>,
        read_model: Arc<dyn ReadModel>,
    ) -> Self {
        let then = then.map(|then| (then, ClockThen(then.at)));
        let sight = match organization {
            None => Sight { organization: None, then, store, read_model },
            Some(organization) => {
                let (own, owners) = (organization.clone(), self.owners());
                let read_model = OwnRows { model: read_model, organization: organization.clone(), owners };
                Sight {
                    store: Arc::new(OwnEvents { store, organization: own }),
                    read_model: Arc::new(read_model),
                    organization: Some(organization),
                    then,
                }
            }
        };
        Self(Arc::clone(&self.0), Some(Arc::new(sight)))
    }

    /// The engine's own handle, which sees everything.
    pub(crate) fn whole(&self) -> Self {
        Self(Arc::clone(&self.0), None)
    }

    pub(crate) fn organization(&self) -> Option<&OrganizationId> {
        self.1.as_ref().and_then(|sight| sight.organization.as_ref())
    }

    pub(crate) fn owners(&self) -> Arc<Owners> {
        Arc::clone(&self.0.owners)
    }

    /// Whose a storage unit is, or the workspace whose tasks are queued under this name; nothing when there never was one.
    pub(crate) async fn owner(&self, unit: &StorageUnitName) -> Result<Option<OrganizationId>, SubmitError> {
        if let Some(owner) = self.0.owners.of(unit.as_str()) {
            return Ok(Some(owner));
        }
        let subject = unit.workspace().map_or_else(|| Subject::StorageUnit(unit.clone()), Subject::Workspace);
        let inspected = self.0.pipeline.inspect(subject).await?;
        if let Some(owner) = &inspected.organization {
            self.0.owners.learn(unit, owner);
        }
        Ok(inspected.organization.clone())
    }

    /// The envelope with the organization whose thing it is about: an organization asks for its own things only, the
    /// engine for whoever they belong to.
    pub(super) async fn owned(&self, envelope: Envelope) -> Result<Envelope, SubmitError> {
        let owner = match (envelope.command.unit(), self.organization()) {
            (Some(unit), Some(_)) => self.owner(unit).await?,
            // The engine met every unit that has work before it does anything with the work.
            (Some(unit), None) => self.0.owners.of(unit.as_str()),
            (None, _) => None,
        };
        let asking = self.organization().or(envelope.organization.as_ref());
        if let (Some(asking), Some(owner)) = (asking, &owner)
            && asking != owner
        {
            return Err(absent(&envelope.command));
        }
        Ok(Envelope { organization: asking.cloned().or(owner), ..envelope })
    }
}

/// What is said of a thing that another organization has: the same as if nobody had it, as far as its name is free.
const fn absent(command: &Command) -> SubmitError {
    SubmitError::Refused(match command {
        Command::StorageUnit(_, storage_unit::Command::Create(_)) => {
            Refusal::StorageUnit(storage_unit::Refusal::AlreadyExists)
        }
        Command::StorageUnit(..) | Command::KeyScope(..) | Command::Record(..) => {
            Refusal::StorageUnit(storage_unit::Refusal::DoesNotExist)
        }
        Command::Campaign(..) => Refusal::Campaign(campaign::Refusal::DoesNotExist),
        Command::Task(..) => Refusal::Task(task::Refusal::DoesNotExist),
        Command::Workspace(..) => Refusal::Workspace(workspace::Refusal::DoesNotExist),
        Command::ApiKey(..) => Refusal::ApiKey(api_key::Refusal::DoesNotExist),
        Command::Batch(..)
        | Command::ExternalId(..)
        | Command::Ids(..)
        | Command::System(_)
        | Command::Access(..) => return SubmitError::OtherOrganization,
    })
}

/// What the answer to a command teaches at once, without waiting for the log to come around.
pub(crate) struct Lesson {
    accepted: Learned,
    /// What is said when the thing turns out to be another organization's.
    foreign: SubmitError,
}

enum Learned {
    Unit(StorageUnitName, OrganizationId),
    Key(ApiKeyId, OrganizationId),
    Nothing,
}

impl Lesson {
    pub(crate) fn of(envelope: &Envelope) -> Self {
        let organization =
            || envelope.organization.clone().unwrap_or_else(OrganizationId::default_organization);
        let accepted = match &envelope.command {
            Command::StorageUnit(unit, storage_unit::Command::Create(_)) => {
                Learned::Unit(unit.clone(), organization())
            }
            Command::Workspace(id, _) => Learned::Unit(StorageUnitName::of_tasks(*id), organization()),
            Command::ApiKey(id, _) => Learned::Key(*id, organization()),
            Command::StorageUnit(..)
            | Command::KeyScope(..)
            | Command::Record(..)
            | Command::Campaign(..)
            | Command::Task(..)
            | Command::Batch(..)
            | Command::ExternalId(..)
            | Command::Ids(..)
            | Command::System(_)
            | Command::Access(..) => Learned::Nothing,
        };
        Self { accepted, foreign: absent(&envelope.command) }
    }
}

impl Engine {
    pub(crate) fn learn(
        &self,
        lesson: Lesson,
        result: Result<Accepted, SubmitError>,
    ) -> Result<Accepted, SubmitError> {
        match (&result, lesson.accepted) {
            (Ok(_), Learned::Unit(unit, organization)) => self.0.owners.learn(&unit, &organization),
            (Ok(accepted), Learned::Key(id, organization)) => self.learn_key(id, &organization, accepted),
            (Err(SubmitError::OtherOrganization), _) if self.organization().is_some() => {
                return Err(lesson.foreign);
            }
            (Ok(_), Learned::Nothing) | (Err(_), _) => {}
        }
        result
    }

    fn learn_key(&self, id: ApiKeyId, organization: &OrganizationId, accepted: &Accepted) {
        let Some(Version(last)) = accepted.version else { return };
        let first = (last + 1).saturating_sub(accepted.events.len() as u64);
        for (version, event) in (first..).zip(&accepted.events) {
            if let domain::event::Event::ApiKey(event) = event {
                self.0.keys.apply(id, organization, Version(version), event);
            }
        }
    }
}

// ── Keys ───────────────────────────────────────────────────────────────────────────────────────────────────────

impl Engine {
    pub(super) async fn restore_keys(&self) -> Result<(), StartError> {
        let mut query = super::recovery::rows(Vec::new());
        loop {
            let page = read_model::list::<ApiKeys>(&*self.0.parts.read_model, query.clone()).await?;
            page.rows.into_iter().for_each(|row| self.0.keys.restore(row));
            if page.next.is_none() {
                return Ok(());
            }
            query.after = page.next;
        }
    }

    /// Whether a key was ever issued here. From then on nobody is let in without one.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        self.0.keys.any()
    }

    /// How many keys are in use, those of all organizations together.
    #[must_use]
    pub fn keys_in_use(&self) -> usize {
        self.0.keys.in_use()
    }

    /// Whose a key is; nothing when there never was such a key.
    #[must_use]
    pub fn key_organization(&self, id: ApiKeyId) -> Option<OrganizationId> {
        self.0.keys.organization_of(id)
    }

    /// Whether an organization has a key of this name in use.
    #[must_use]
    pub fn has_key_named(&self, organization: &OrganizationId, name: &KeyName) -> bool {
        self.0.keys.has_name(organization, name)
    }

    /// Who presents a key and its secret. The comparison takes the same time whatever the secret is.
    ///
    /// # Errors
    /// [`Denied`], which says why; nobody but the log should be told.
    pub fn authenticate(&self, id: ApiKeyId, secret: &str) -> Result<KeyHolder, Denied> {
        self.0.keys.authenticate(id, &digest_of(secret.as_bytes()), self.clock().now())
    }

    /// Who a key stands for whose secret was presented before, such as when a token was given for it.
    ///
    /// # Errors
    /// [`Denied`] when the key no longer lets in.
    pub fn key_holder(&self, id: ApiKeyId) -> Result<KeyHolder, Denied> {
        self.0.keys.holder(id, self.clock().now())
    }

    /// Records that something was refused, as far as it is not only counted.
    pub async fn record_refusal(&self, knock: Knock) {
        let now = self.clock().now();
        for (organization, refused) in self.0.refusals.count(knock, now) {
            let day = AccessDay { organization: organization.clone(), day: Day::of(now) };
            let command = Command::Access(day, access::Command::RecordRefusal(refused));
            let envelope = Envelope::new(CommandId(self.fresh_id()), Actor::system(), command);
            let envelope = Envelope { organization: Some(organization), ..envelope };
            if let Err(error) = self.0.pipeline.submit(envelope).await {
                tracing::warn!(%error, "a refused access could not be recorded");
            }
        }
    }
}
