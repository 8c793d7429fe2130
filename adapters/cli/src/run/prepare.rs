//! What must be so before the first document is processed: a program that exists, a storage unit that says where the
//! documents are, and a campaign: the unfinished one if there is one, else a new one.

use std::path::Path;

use domain::campaign;
use domain::envelope::{Command, Envelope};
use domain::layout::Pattern;
use domain::names::{CampaignId, CommandId, ModuleName, Scope, StorageUnitName};
use domain::retry::RetryPolicy;
use domain::storage_unit::{
    self, Content, Limits, Location, ModuleEntry, ModuleInput, ModuleTable, Settings,
};
use domain::time::Millis;
use modules::{ConfiguredModules, Definition};
use projections::read_model::{self, Query};
use projections::view::Value;
use projections::views::{CampaignRow, CampaignState, Campaigns};
use runtime::{Accepted, Engine, SubmitError};

use crate::args::RunOptions;
use crate::assemble;
use crate::client::actor;
use crate::exit::CliError;

/// What the command line asks for.
pub(crate) struct Prepared {
    pub(crate) unit: StorageUnitName,
    pub(crate) scope: Scope,
    pub(crate) location: Location,
    pub(crate) module: ModuleName,
    pub(crate) definition: Definition,
    pub(crate) table: ModuleTable,
}

/// The campaign that does it.
pub(crate) struct Chosen {
    pub(crate) id: CampaignId,
    pub(crate) resumed: bool,
}

impl Prepared {
    pub(crate) fn new(options: &RunOptions) -> Result<Self, CliError> {
        let url = location_url(&options.location)?;
        let unit = match &options.unit {
            Some(unit) => unit.clone(),
            None => unit_name(&url)?,
        };
        let definition = definition(options)?;
        let module = module_name(&options.program);
        check_program(&module, &definition)?;
        let location = Location {
            url,
            layout: Pattern::new("{key}").map_err(|error| CliError::Usage(error.to_string()))?,
            scope: options.scope.clone(),
            include: options.glob.clone(),
        };
        let entry = ModuleEntry {
            module: module.clone(),
            settings: settings(options),
            retry: Some(definition.retry),
            output_scope: options.output_scope.clone(),
            input: ModuleInput::Document,
        };
        let table = ModuleTable {
            modules: [(options.scope.clone(), vec![entry])].into(),
            settings: serde_json::Map::new(),
        };
        Ok(Self { unit, scope: options.scope.clone(), location, module, definition, table })
    }
}

fn location_url(location: &str) -> Result<String, CliError> {
    if location.contains("://") {
        return Ok(location.to_owned());
    }
    let folder = Path::new(location);
    let folder =
        folder.canonicalize().map_err(|error| CliError::Usage(format!("the folder {location}: {error}")))?;
    if !folder.is_dir() {
        return Err(CliError::Usage(format!(
            "{location} is not a folder; name the folder that the documents are in"
        )));
    }
    Ok(assemble::folder_url(&folder)?.to_string())
}

/// The last part of the URL's path, with what a name does not allow replaced.
fn unit_name(url: &str) -> Result<StorageUnitName, CliError> {
    let url = url::Url::parse(url).map_err(|error| CliError::Usage(format!("{url}: {error}")))?;
    let mut parts = url.path_segments().into_iter().flatten().filter(|part| !part.is_empty());
    let last = parts.next_back().or_else(|| url.host_str()).unwrap_or("documents");
    let plain = |character: char| if character.is_ascii_alphanumeric() { character } else { '-' };
    let name: String = last.chars().take(StorageUnitName::LENGTH_BYTES_MAX).map(plain).collect();
    StorageUnitName::new(name).map_err(|error| CliError::Usage(format!("{error}; name one with --unit")))
}

fn module_name(program: &[String]) -> ModuleName {
    let first = program.first().map_or("", String::as_str);
    let file = Path::new(first).file_name().and_then(std::ffi::OsStr::to_str).unwrap_or(first);
    let plain = |character: char| if character.is_ascii_alphanumeric() { character } else { '-' };
    let name: String = file.chars().take(ModuleName::LENGTH_BYTES_MAX).map(plain).collect();
    ModuleName::new(name)
        .unwrap_or_else(|_| ModuleName::new("program").expect("a plain word is a valid name"))
}

fn definition(options: &RunOptions) -> Result<Definition, CliError> {
    let retry = RetryPolicy { attempts_max: options.attempts, ..RetryPolicy::default() };
    let mut definition = Definition {
        inherit_env: options.inherit_env,
        time_limit_ms: Millis::from_secs(options.time_limit),
        retry,
        output_scope: options.output_scope.clone(),
        ..Definition::default()
    };
    if options.shell {
        definition.shell = Some(options.program.join(" "));
    } else {
        definition.command.clone_from(&options.program);
    }
    for variable in &options.env {
        let (name, value) = match variable.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => (
                variable.clone(),
                std::env::var(variable).map_err(|_| {
                    CliError::Usage(format!(
                        "--env {variable}: there is no such variable here; write {variable}=VALUE"
                    ))
                })?,
            ),
        };
        definition.env.insert(name, value);
    }
    Ok(definition)
}

/// What is recorded of the program, for those who look at the history; nothing is ever started from it.
fn settings(options: &RunOptions) -> serde_json::Map<String, serde_json::Value> {
    let how = if options.shell { "shell" } else { "command" };
    serde_json::Map::from_iter([(how.to_owned(), serde_json::json!(options.program))])
}

/// A program that is not there is one error now, not one per document.
fn check_program(module: &ModuleName, definition: &Definition) -> Result<(), CliError> {
    let modules = ConfiguredModules::new([(module.clone(), definition.clone())].into());
    let modules = modules.map_err(|error| CliError::Usage(error.to_string()))?;
    match modules.missing_programs().first() {
        None => Ok(()),
        Some(missing) => Err(CliError::Usage(missing.to_string())),
    }
}

/// Brings the unit into the wanted state and finds or starts its campaign.
pub(crate) async fn campaign(engine: &Engine, prepared: &Prepared) -> Result<Chosen, CliError> {
    engine.content().check(&prepared.location).await.map_err(|error| CliError::Usage(error.to_string()))?;
    let unfinished = unfinished(engine, prepared).await?;
    let settings = engine.unit_settings(&prepared.unit).await.map_err(failed)?;
    match (settings, unfinished) {
        (Some(settings), Some(row)) => {
            check_same(&settings, prepared, &row)?;
            make_ready(engine, prepared, Some(settings)).await?;
            if row.state == CampaignState::Paused {
                send(engine, Command::Campaign(row.id, campaign::Command::Resume)).await?;
            }
            Ok(Chosen { id: row.id, resumed: true })
        }
        (settings, _) => {
            make_ready(engine, prepared, settings).await?;
            let id = CampaignId(engine.fresh_id());
            let target = campaign::Target::all(prepared.unit.clone(), prepared.scope.clone());
            let start = campaign::Command::Start(campaign::Start::over(target, campaign::Pace::default()));
            let accepted = send(engine, Command::Campaign(id, start)).await?;
            engine.wait_for_views(accepted.position).await;
            Ok(Chosen { id, resumed: false })
        }
    }
}

/// The campaign of an earlier run that was not finished. One with a choice of keys or a canary is somebody else's.
async fn unfinished(engine: &Engine, prepared: &Prepared) -> Result<Option<CampaignRow>, CliError> {
    for state in [CampaignState::Active, CampaignState::Paused] {
        let query = Query {
            filters: vec![
                ("unit", Value::Text(prepared.unit.to_string()).into()),
                ("state", Value::Text(state.name().to_owned()).into()),
            ],
            ..Query::page(1_000)
        };
        let page = read_model::list::<Campaigns>(engine.read_model(), query).await;
        let page = page.map_err(|error| CliError::Environment(error.to_string()))?;
        if let Some(row) = page.rows.into_iter().find(|row| is_of_a_run(row, prepared)) {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

fn is_of_a_run(row: &CampaignRow, prepared: &Prepared) -> bool {
    row.scope.as_ref() == Some(&prepared.scope)
        && row.filter.is_none()
        && row.pinned.is_none()
        && row.canary.is_none()
}

/// An unfinished run is only gone on with by the same command: anything else would mix two runs into one.
fn check_same(settings: &Settings, prepared: &Prepared, unfinished: &CampaignRow) -> Result<(), CliError> {
    let same_content = settings.content == Content::Registered(prepared.location.clone());
    if same_content && settings.modules == prepared.table {
        return Ok(());
    }
    let before = settings.modules.modules.get(&prepared.scope).and_then(|entries| entries.first());
    let before = before.map_or_else(
        || "another program".to_owned(),
        |entry| serde_json::Value::Object(entry.settings.clone()).to_string(),
    );
    Err(CliError::Refused(format!(
        "the unit {unit} has an unfinished run with other settings ({before}); finish it with the same command as \
         before, give it up with 'reprise campaign cancel {id}', or use another unit with --unit",
        unit = prepared.unit,
        id = unfinished.id,
    )))
}

async fn make_ready(
    engine: &Engine,
    prepared: &Prepared,
    settings: Option<Settings>,
) -> Result<(), CliError> {
    let content = Content::Registered(prepared.location.clone());
    let unit = |command| Command::StorageUnit(prepared.unit.clone(), command);
    let Some(settings) = settings else {
        let settings = Settings {
            content,
            modules: prepared.table.clone(),
            queue_enabled: true,
            limits: Limits::default(),
        };
        return send(engine, unit(storage_unit::Command::Create(settings))).await.map(drop);
    };
    match &settings.content {
        Content::Registered(location) if location.url == prepared.location.url => {}
        Content::Registered(Location { url, .. }) => return Err(other_content(prepared, url)),
        Content::Managed => return Err(other_content(prepared, "content that reprise keeps itself")),
    }
    send(engine, unit(storage_unit::Command::SetContent(content))).await?;
    send(engine, unit(storage_unit::Command::SetModules(prepared.table.clone()))).await?;
    send(engine, unit(storage_unit::Command::EnableQueue)).await.map(drop)
}

fn other_content(prepared: &Prepared, there: &str) -> CliError {
    CliError::Refused(format!(
        "the unit {} exists and stands for {there}; choose another name with --unit",
        prepared.unit
    ))
}

async fn send(engine: &Engine, command: Command) -> Result<Accepted, CliError> {
    let envelope = Envelope::new(CommandId(engine.fresh_id()), actor(), command).because("reprise run");
    engine.submit_patiently(envelope).await.map_err(failed)
}

fn failed(error: SubmitError) -> CliError {
    match error {
        SubmitError::Refused(_)
        | SubmitError::KeyReused(_)
        | SubmitError::TooManyKeys { .. }
        | SubmitError::OtherOrganization => CliError::Refused(error.to_string()),
        SubmitError::Overloaded { .. }
        | SubmitError::Contended
        | SubmitError::Unavailable(_)
        | SubmitError::Rejected(_)
        | SubmitError::Corrupt(_)
        | SubmitError::Standby
        | SubmitError::Stopping => CliError::Environment(error.to_string()),
    }
}
