//! Given what was recorded under a key, then what a command that comes under it is answered.

use uuid::Uuid;

use super::*;
use crate::envelope::Command;
use crate::event::Metadata;
use crate::names::{Actor, CommandId, IdempotencyKey, Key, OrganizationId, Scope, StorageUnitName};
use crate::stream::KeyScopeId;
use crate::time::Timestamp;
use crate::work::{self, Priority};

fn envelope(command: work::Command) -> Envelope {
    let id = KeyScopeId {
        unit: StorageUnitName::new("docs").unwrap(),
        scope: Scope::new("raw").unwrap(),
        key: Key::new("a").unwrap(),
    };
    let key = IdempotencyKey::new("order 7").unwrap();
    let actor = Actor::new("mara").unwrap();
    Envelope::new(CommandId(Uuid::nil()), actor, Command::work(id, command)).once(key)
}

fn queue() -> work::Command {
    work::Command::Queue { campaign: None, priority: Priority::Normal }
}

/// What the envelope's command recorded at versions 3 and 4, and what came after it.
fn recorded(envelope: &Envelope) -> Vec<Arc<RecordedEvent>> {
    let event = |version: u64, command_id, command| {
        let metadata = Metadata {
            recorded_at: Timestamp::default(),
            command_id,
            idempotency_key: envelope.idempotency_key.clone(),
            command,
            actor: envelope.actor.clone(),
            reason: envelope.reason.clone(),
            causation_id: envelope.causation_id,
            correlation_id: envelope.correlation_id,
            organization: OrganizationId::default_organization(),
        };
        Arc::new(RecordedEvent {
            position: Position::row(version * 10),
            stream: envelope.command.subject().stream(),
            version: Version(version),
            id: command_id.event_id(0),
            event: Event::KeyScope(crate::key_scope::Event::Work(work::Event::Held)),
            metadata: Arc::new(metadata),
        })
    };
    let (id, command) = (envelope.id, envelope.command.record().ok());
    vec![event(3, id, command), event(4, id, None), event(5, CommandId(Uuid::from_u128(9)), None)]
}

#[test]
fn the_same_request_gets_what_it_recorded_the_first_time() {
    let envelope = envelope(queue());
    let answer = first_answer(&envelope, &recorded(&envelope)).unwrap().unwrap();
    assert_eq!((answer.events.len(), answer.version, answer.position), (2, Version(4), Position::row(40)));
}

#[test]
fn a_command_that_recorded_nothing_has_no_first_answer() {
    let envelope = envelope(queue());
    assert_eq!(first_answer(&envelope, &[]), Ok(None));
    let others = recorded(&envelope).split_off(2);
    assert_eq!(first_answer(&envelope, &others), Ok(None));
}

#[test]
fn another_request_under_the_same_key_is_refused() {
    let first = envelope(queue());
    let recorded = recorded(&first);
    let id = |key: &str| KeyScopeId {
        unit: StorageUnitName::new("docs").unwrap(),
        scope: Scope::new("raw").unwrap(),
        key: Key::new(key).unwrap(),
    };
    let others = [
        envelope(work::Command::Queue { campaign: None, priority: Priority::High }),
        envelope(work::Command::Hold),
        Envelope { command: Command::work(id("b"), queue()), ..first.clone() },
        first.clone().because("something else"),
        Envelope { actor: Actor::new("zoe").unwrap(), ..first.clone() },
        first.following(Uuid::from_u128(3), None),
    ];
    for other in others {
        assert_eq!(first_answer(&other, &recorded), Err(KeyReused), "{other:?}");
    }
}

#[test]
fn the_same_key_of_another_organization_is_another_key() {
    let key = IdempotencyKey::new("order 7").unwrap();
    let mine = CommandId::keyed(&OrganizationId::default_organization(), &key);
    assert_eq!(mine, CommandId::keyed(&OrganizationId::default_organization(), &key));
    assert_ne!(mine, CommandId::keyed(&OrganizationId::new("other").unwrap(), &key));
}
