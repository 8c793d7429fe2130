//! What follows when a storage unit is dropped: its work is withdrawn, its records deleted, its name set free.
//! Does not know which key-scopes and records there are.

use uuid::Uuid;

use crate::envelope::{Command, Envelope};
use crate::key_scope;
use crate::names::{Actor, CommandId, StorageUnitName};
use crate::record::{self, DeletePolicy};
use crate::storage_unit;
use crate::stream::{KeyScopeId, RecordId, Subject};

/// Why everything here is done.
const REASON: &str = "its storage unit was dropped";

/// The command that withdraws a key-scope. `drop` is the id of the event that dropped the unit.
#[must_use]
pub fn withdraw(drop: Uuid, id: KeyScopeId) -> Envelope {
    follow(drop, Command::KeyScope(id, key_scope::Command::Withdraw))
}

/// The command that deletes a record.
#[must_use]
pub fn delete(drop: Uuid, id: RecordId) -> Envelope {
    let command = record::Command::Delete { scope: None, version: None, policy: DeletePolicy::Silent };
    follow(drop, Command::Record(id, command))
}

/// The command that sets the name free.
#[must_use]
pub fn confirm(drop: Uuid, unit: StorageUnitName) -> Envelope {
    follow(drop, Command::StorageUnit(unit, storage_unit::Command::ConfirmCleared))
}

fn follow(drop: Uuid, command: Command) -> Envelope {
    let subject: Subject = command.subject();
    let id = CommandId::following(drop, &format!("clear {subject}"));
    Envelope::new(id, Actor::system(), command).following(drop, Some(drop)).because(REASON)
}
