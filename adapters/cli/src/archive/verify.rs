//! `reprise verify-log`, `proof`, `verify-proof` and `integrity`: whether the log is what it was, and the history of one thing in a
//! form that shows it without the log. Does not know how hashes are made.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Instant;

use domain::names::{CampaignId, Key, Scope, StorageUnitName};
use domain::stream::{KeyScopeId, Position, Subject};
use domain::time::Timestamp;
use event_codec::decode_metadata;
use event_codec::integrity::proof::{self, Proof, Proven};
use event_codec::integrity::{Chain, Head, HeadSignature, Leaves, PublicKey, Signer};
use serde_json::{Value, json};
use store_sqlite::{KnownHead, LogFile, VerifyError, verify};

use super::{blocking, environment, rate};
use crate::args::{
    Global, IntegrityCommand, IntegrityKeyOptions, ProofOptions, VerifyLogOptions, VerifyProofOptions,
};
use crate::client::{Client, part};
use crate::commands::{show, with_client};
use crate::config::Config;
use crate::exit::{CliError, Exit};
use crate::output;
use crate::progress::Progress;

// ── The log ────────────────────────────────────────────────────────────────────────────────────────────────────

pub(crate) async fn verify_log(
    global: &Global,
    config: &Config,
    options: VerifyLogOptions,
) -> Result<Exit, CliError> {
    if global.server.is_some() {
        let problem =
            "the log is read where it lies; leave --server out, and run this on the machine of the server";
        return Err(CliError::Usage(problem.to_owned()));
    }
    let started = Instant::now();
    let (folder, progress) = (config.data_dir.clone(), Progress::of_events(global));
    let known: Vec<KnownHead> = options.head;
    let verified = {
        let known = known.clone();
        blocking(move || {
            let head = LogFile::open(&folder).map(|log| log.head());
            let head = head.map_err(|error| environment(&error))?.map_err(|error| environment(&error))?;
            progress.begin(head.major);
            let verified = verify(&folder, &known, |more| progress.add(more));
            progress.end();
            Ok(verified)
        })
        .await?
    };
    let verified = match verified {
        Ok(verified) => verified,
        Err(error @ (VerifyError::Open(_) | VerifyError::Read(_))) => return Err(environment(&error)),
        Err(
            error
            @ (VerifyError::Differs { .. } | VerifyError::CutOff { .. } | VerifyError::OtherHead { .. }),
        ) => return Ok(differs(global, &error)),
    };
    let (Head { log, position, hash }, took) = (verified.head, started.elapsed());
    if global.json {
        let compared = verified.links.as_ref().ok();
        let log = log.to_string();
        output::json(&json!({ "verified": true, "log": log, "position": position, "hash": hash.to_string(),
            "links_compared_until": compared, "heads_compared": known.len(), "took_s": took.as_secs_f64() }));
        return Ok(Exit::Done);
    }
    output::line(&format!("the log is whole: {} events ({})", position.major, rate(position.major, took)));
    match &verified.links {
        Ok(reach) => {
            output::line(&format!("up to position {reach} it is what the hashes beside it have seen"));
        }
        Err(why) => output::note(&format!("{why}; only checksums were compared")),
    }
    for known in &known {
        output::line(&format!("it has the head {}@{}", known.hash, known.position));
    }
    output::line(&format!("head {hash}@{position}"));
    Ok(Exit::Done)
}

fn differs(global: &Global, error: &VerifyError) -> Exit {
    if global.json {
        let mut report = json!({ "verified": false, "problem": error.to_string() });
        if let (VerifyError::Differs { position, stream, version, .. }, Some(members)) =
            (error, report.as_object_mut())
        {
            members.insert("position".to_owned(), json!(position));
            members.insert("stream".to_owned(), json!(stream));
            members.insert("version".to_owned(), json!(version));
        }
        output::json(&report);
    } else {
        output::note(&format!("reprise: {error}"));
    }
    Exit::SomeFailed
}

// ── Proofs ─────────────────────────────────────────────────────────────────────────────────────────────────────

pub(crate) async fn proof(global: &Global, config: &Config, options: ProofOptions) -> Result<Exit, CliError> {
    let subject = subject(&options.subject)?;
    let bytes = match &global.server {
        Some(_) => {
            let client = Client::of_server(global, config)?;
            client.get_bytes(&format!("/v1/proof?stream={}", part(subject.stream().as_str()))).await?
        }
        None => {
            let (folder, signer) = (config.data_dir.clone(), config.signer()?);
            let progress = Progress::of_events(global);
            blocking(move || prove(&folder, &subject, signer.as_ref(), &progress)).await?
        }
    };
    let proven = proof::check(&bytes).map_err(|error| environment(&error))?;
    match &options.output {
        None => output::bytes(&bytes),
        Some(path) => fs::write(path, &bytes)
            .map_err(|error| environment(&format!("{} cannot be written: {error}", path.display())))?,
    }
    let Proven { stream, events, head, signature: _ } = proven;
    output::note(&format!(
        "{events} events of {stream} are proven by the head {}@{}",
        head.hash, head.position
    ));
    Ok(Exit::Done)
}

/// A stream's name, or what `reprise history` takes.
fn subject(text: &str) -> Result<Subject, CliError> {
    if let Ok(subject) = text.parse::<Subject>() {
        return Ok(subject);
    }
    if let Ok(id) = text.parse::<CampaignId>() {
        return Ok(Subject::Campaign(id));
    }
    let usage = |error: domain::names::InvalidName| CliError::Usage(error.to_string());
    let mut parts = text.splitn(3, '/');
    let unit = StorageUnitName::new(parts.next().unwrap_or_default()).map_err(usage)?;
    match (parts.next(), parts.next()) {
        (None, _) => Ok(Subject::StorageUnit(unit)),
        (Some(scope), Some(key)) => {
            let (scope, key) = (Scope::new(scope).map_err(usage)?, Key::new(key).map_err(usage)?);
            Ok(Subject::KeyScope(KeyScopeId { unit, scope, key }))
        }
        (Some(_), None) => Err(CliError::Usage(format!(
            "'{text}' is neither UNIT, UNIT/SCOPE/KEY, a campaign's id, nor the name of a stream"
        ))),
    }
}

/// Reads the whole log, so that the proof is of what it says now.
fn prove(
    folder: &Path,
    subject: &Subject,
    signer: Option<&Signer>,
    progress: &Progress,
) -> Result<Vec<u8>, CliError> {
    let log = LogFile::open(folder).map_err(|error| environment(&error))?;
    let head = log.head().map_err(|error| environment(&error))?;
    progress.begin(head.major);
    let mut proof = Proof::new(log.id(), subject.stream().as_str());
    let (mut chain, mut leaves) = (Chain::new(log.id()), Leaves::default());
    let (mut problem, mut last) = (None, None);
    let read = log.rows(Position::START, head, |stored| {
        let leaf = leaves.leaf(stored);
        chain.add(stored.position, &leaf);
        problem = problem.take().or_else(|| proof.add_leaf(stored, &leaf).err());
        if stored.position == head {
            last = Some(decode_metadata(stored.metadata));
        }
        progress.add(1);
    });
    progress.end();
    read.map_err(|error| environment(&error))?;
    if let Some(problem) = problem {
        return Err(environment(&problem));
    }
    if proof.events() == 0 {
        return Err(CliError::Refused(format!("{} has no event", subject.stream())));
    }
    let last = last.transpose().map_err(|error| environment(&error))?;
    let recorded_at = last.map_or(Timestamp::default(), |metadata| metadata.recorded_at);
    Ok(proof.write(&chain, |head| signer.map(|signer| signer.sign(head, recorded_at))))
}

pub(crate) fn verify_proof(global: &Global, options: &VerifyProofOptions) -> Result<Exit, CliError> {
    let bytes = fs::read(&options.file)
        .map_err(|error| CliError::Usage(format!("{} cannot be read: {error}", options.file.display())))?;
    let checked = proof::check(&bytes).map_err(|error| error.to_string());
    let proven = match checked.and_then(|proven| trust(&proven, options).map(|()| proven)) {
        Ok(proven) => proven,
        Err(problem) => {
            let problem = format!("{} proves nothing: {problem}", options.file.display());
            if global.json {
                output::json(&json!({ "proven": false, "problem": problem }));
            } else {
                output::note(&format!("reprise: {problem}"));
            }
            return Ok(Exit::SomeFailed);
        }
    };
    let Proven { stream, events, head, signature } = proven;
    let key = signature.map(|signature: HeadSignature| signature.public_key.to_string());
    if global.json {
        output::json(
            &json!({ "proven": true, "stream": stream, "events": events, "log": head.log.to_string(),
            "position": head.position, "hash": head.hash.to_string(), "public_key": key }),
        );
        return Ok(Exit::Done);
    }
    output::line(&format!("these are all {events} events of {stream} up to position {}", head.position));
    output::line(&format!("head {}@{}", head.hash, head.position));
    if let Some(key) = &key {
        output::line(&format!("signed by {key}"));
    }
    if options.head.is_none() && options.public_key.is_none() {
        output::note(
            "this holds if that head is the log's: compare it with one that you have from elsewhere, or say --head or \
             --public-key",
        );
    }
    Ok(Exit::Done)
}

/// Whether the head of a proof is one that the caller trusts.
fn trust(proven: &Proven, options: &VerifyProofOptions) -> Result<(), String> {
    if let Some(known) = &options.head
        && (known.position, known.hash) != (proven.head.position, proven.head.hash)
    {
        let Head { position, hash, .. } = proven.head;
        return Err(format!("its head is {hash}@{position}, not {}@{}", known.hash, known.position));
    }
    let Some(wanted) = &options.public_key else { return Ok(()) };
    match proven.signature {
        None => Err("its head is not signed".to_owned()),
        Some(signature) if signature.public_key != *wanted => {
            Err(format!("its head is signed by {}, not by {wanted}", signature.public_key))
        }
        Some(_) => Ok(()),
    }
}

// ── Heads and keys ─────────────────────────────────────────────────────────────────────────────────────────────

pub(crate) async fn integrity(
    global: &Global,
    config: &Config,
    command: IntegrityCommand,
) -> Result<Exit, CliError> {
    match command {
        IntegrityCommand::Head => {
            with_client(global, config, async |client| {
                let reply = client.get("/v1/integrity").await?;
                Ok(show(global, &reply, |reply| {
                    let text = |pointer| reply.pointer(pointer).and_then(Value::as_str).unwrap_or("-");
                    output::line(&format!("{}@{}", text("/hash"), text("/position")));
                    if let Some(key) = reply.pointer("/signature/public_key").and_then(Value::as_str) {
                        output::line(&format!("recorded at {}, signed by {key}", text("/recorded_at")));
                    }
                }))
            })
            .await
        }
        IntegrityCommand::Key(options) => key(&options),
    }
}

/// Makes a key. The file of another one is never written over: what it signed could not be signed again.
fn key(options: &IntegrityKeyOptions) -> Result<Exit, CliError> {
    let path = &options.file;
    let unwritable =
        |error: std::io::Error| environment(&format!("{} cannot be written: {error}", path.display()));
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| environment(&error))?;
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.map_err(unwritable)?;
    let text: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    writeln!(file, "{text}").and_then(|()| file.sync_all()).map_err(unwritable)?;
    let public: PublicKey = Signer::new(secret).public_key();
    output::line(&public.to_string());
    output::note(&format!(
        "this is the public key, for whoever checks; the secret is in {}. Name that file as integrity.signing_key_file in the \
         configuration",
        path.display()
    ));
    Ok(Exit::Done)
}
