//! Unknown keys of the configuration, and which known key was probably meant.

use modules::{Definition, WebhookSettings};
use toml::Table;

use super::{Config, ContentConfig, IntegrityConfig, Limits, SnapshotsConfig, TasksConfig};

/// Keys that the defaults leave out because they have no value.
const WITHOUT_DEFAULT: [(&str, &[&str]); 6] = [
    ("", &["tls_cert", "tls_key"]),
    ("content.", &["base_url"]),
    ("integrity.", &["signing_key_file"]),
    ("limits.", &["log_bytes_max", "requests_per_second_max"]),
    ("webhooks.", &["ca_file"]),
    ("modules.", &["url", "shell", "dir", "output_scope"]),
];

/// How alike a key and a known one must be for the known one to be suggested; 1 is equality.
const LIKENESS_MIN: f64 = 0.7;

/// Says which key is unknown and which one was probably meant.
pub(super) fn check(table: &Table) -> Result<(), String> {
    let config = known(&Config::default());
    check_section("", table, &config)?;
    section(table, "limits", &known(&Limits::default()))?;
    section(table, "content", &known(&ContentConfig::default()))?;
    section(table, "webhooks", &known(&WebhookSettings::default()))?;
    section(table, "tasks", &known(&TasksConfig::default()))?;
    section(table, "integrity", &known(&IntegrityConfig::default()))?;
    section(table, "snapshots", &known(&SnapshotsConfig::default()))?;
    section(table, "stager", &["zone".to_owned()])?;
    section(table, "replay", &["targets".to_owned()])?;
    let definition = known(&Definition::default());
    for (name, module) in table.get("modules").and_then(toml::Value::as_table).into_iter().flatten() {
        if let Some(module) = module.as_table() {
            check_section(&format!("modules.{name}."), module, &definition)?;
        }
    }
    Ok(())
}

fn section(table: &Table, name: &str, known: &[String]) -> Result<(), String> {
    table
        .get(name)
        .and_then(toml::Value::as_table)
        .map_or(Ok(()), |inner| check_section(&format!("{name}."), inner, known))
}

fn check_section(path: &str, table: &Table, known: &[String]) -> Result<(), String> {
    let without_default = WITHOUT_DEFAULT
        .iter()
        .filter(|(section, _)| if section.is_empty() { path.is_empty() } else { path.starts_with(section) });
    let known: Vec<&str> = without_default
        .flat_map(|(_, keys)| keys.iter().copied())
        .chain(known.iter().map(String::as_str))
        .collect();
    let Some(unknown) = table.keys().find(|key| !known.contains(&key.as_str())) else { return Ok(()) };
    let likeness = |key: &str| strsim::jaro_winkler(key, unknown);
    let nearest = known.iter().copied().max_by(|left, right| likeness(left).total_cmp(&likeness(right)));
    match nearest.filter(|nearest| likeness(nearest) >= LIKENESS_MIN) {
        Some(nearest) => Err(format!("there is no key '{path}{unknown}'; did you mean '{path}{nearest}'?")),
        None => Err(format!("there is no key '{path}{unknown}'; the keys here are {}", known.join(", "))),
    }
}

fn known(defaults: &impl serde::Serialize) -> Vec<String> {
    Table::try_from(defaults).map(|table| table.keys().cloned().collect()).unwrap_or_default()
}
