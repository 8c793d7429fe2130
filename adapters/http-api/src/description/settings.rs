//! What is set for storage units and campaigns, as it is sent and as it is answered. Nothing here is ever made; tests hold
//! real requests and replies against it.
#![expect(
    dead_code,
    reason = "these types describe what the domain reads and serializes, and are never made"
)]

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::ToSchema;

use super::names::{LeaseMillis, Millis, ModuleName, Scope};
use super::one_of;

one_of! {
    /// Where content lives.
    Content = Managed | Registered;
}

/// The engine keeps the content.
#[derive(ToSchema)]
pub(crate) struct Managed {
    #[schema(inline)]
    kind: IsManaged,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum IsManaged {
    Managed,
}

/// The content lies somewhere else; it is only read.
#[derive(ToSchema)]
#[schema(example = json!({"kind": "registered", "url": "file:///srv/docs", "layout": "{key}", "scope": "raw"}))]
pub(crate) struct Registered {
    #[schema(inline)]
    kind: IsRegistered,
    /// The base location: `file:///folder`, `s3://bucket/prefix`, `gs://…` or `az://…`.
    #[schema(pattern = "^[a-z][a-z0-9+.-]*:[!-~]*$")]
    url: String,
    /// How an object's path below the base says its key and scope: `{key}`, `{scope}/{key}`.
    #[schema(
        pattern = "^([A-Za-z0-9_-]+/)*(\\{scope\\}/\\{key\\}|\\{key\\}/\\{scope\\}|\\{key\\})[A-Za-z0-9._-]*$"
    )]
    layout: String,
    /// The scope of every object, when the layout does not say one.
    scope: Scope,
    /// A glob that an object's path below the base must match.
    include: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum IsRegistered {
    Registered,
}

/// Which modules run over which scope, in order, and settings that all of them see.
#[derive(ToSchema)]
pub(crate) struct ModuleTable {
    /// The modules of each scope, in the order in which they run.
    #[schema(required = false)]
    modules: Modules,
    /// Handed to every module.
    #[schema(required = false)]
    settings: BTreeMap<String, Value>,
}

/// The modules of each scope, in the order in which they run.
#[derive(ToSchema)]
#[schema(example = json!({"raw": [{"module": "ocr", "settings": {"lang": "de"}}]}))]
pub(crate) struct Modules(BTreeMap<Scope, Vec<ModuleEntry>>);

/// One module attached to a scope.
#[derive(ToSchema)]
pub(crate) struct ModuleEntry {
    module: ModuleName,
    /// Handed to the module.
    #[schema(required = false)]
    settings: BTreeMap<String, Value>,
    /// Attempts and backoff for this scope, instead of the module's own.
    retry: Option<RetryPolicy>,
    /// The scope that keeps the result, instead of the module's own.
    output_scope: Option<Scope>,
    /// What the module is given: the stored content, or what the module before it has made.
    #[schema(required = false)]
    input: ModuleInput,
}

/// What a module is given.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum ModuleInput {
    Document,
    Previous,
}

/// Attempts and backoff.
#[derive(ToSchema)]
pub(crate) struct RetryPolicy {
    /// How many attempts one request gets, the first included. 3 without it.
    #[schema(required = false)]
    attempts_max: u32,
    /// The wait after the first failure; it doubles with each further failure. A second without it.
    #[schema(required = false)]
    backoff_ms: Millis,
    /// The longest wait. Five minutes without it.
    #[schema(required = false)]
    backoff_ms_max: Millis,
}

/// A storage unit's limits.
#[derive(ToSchema)]
pub(crate) struct Limits {
    /// How many of its items may be leased at once. 100,000 without it.
    #[schema(required = false, minimum = 1)]
    in_flight_max: u32,
    /// The largest document that is handed to a module, in bytes. 1 GiB without it.
    #[schema(required = false, minimum = 1, maximum = 1_099_511_627_776_u64)]
    input_bytes_max: u64,
    #[schema(required = false)]
    lease_ms: LeaseMillis,
}

/// How fast a campaign queues; as fast as possible without any of it.
#[derive(ToSchema)]
pub(crate) struct Pace {
    /// At most so many keys per second.
    #[schema(minimum = 1)]
    keys_per_second_max: Option<u32>,
    /// At most so many keys queued and not yet settled.
    #[schema(minimum = 1)]
    in_flight_max: Option<u32>,
}
