//! Workspaces by example: what is refused, and what creating and configuring twice does.

use super::*;

fn settings() -> Settings {
    Settings {
        display_name: DisplayName::new("Invoices").expect("a valid name"),
        description: None,
        is_default: true,
        plan: Plan::default(),
        assignment: Assignment::default(),
        webhook: None,
        modules: BTreeMap::new(),
        limits: Limits::default(),
    }
}

#[test]
fn a_workspace_is_created_once_and_then_configured() {
    let other = Settings { is_default: false, ..settings() };
    let created = Workspace::Absent.decide(&Command::Create(settings())).expect("it is allowed");
    assert_eq!(created, [Event::Created(settings())]);
    let workspace = Workspace::Absent.evolve(&created[0]).expect("it is possible");
    assert_eq!(workspace.decide(&Command::Create(settings())), Ok(vec![]));
    assert_eq!(workspace.decide(&Command::Create(other.clone())), Err(Refusal::AlreadyExists));
    assert_eq!(workspace.decide(&Command::Configure(settings())), Ok(vec![]));
    let configured = workspace.decide(&Command::Configure(other.clone())).expect("it is allowed");
    assert_eq!(configured, [Event::Configured(other.clone())]);
    assert_eq!(workspace.evolve(&configured[0]), Ok(Workspace::Present(other)));
}

#[test]
fn only_what_exists_is_configured() {
    assert_eq!(Workspace::Absent.decide(&Command::Configure(settings())), Err(Refusal::DoesNotExist));
    let error = Workspace::Absent.evolve(&Event::Configured(settings())).expect_err("there is none");
    assert_eq!(error.to_string(), "configured cannot follow absent");
}

#[test]
fn settings_that_could_not_work_are_refused() {
    let webhook = |url: &str, time_limit_ms| {
        Some(Webhook { url: url.to_owned(), secret: None, time_limit_ms: Millis(time_limit_ms) })
    };
    let refusal = |settings: Settings| {
        Workspace::Absent.decide(&Command::Create(settings)).expect_err("it cannot work").to_string()
    };
    let exporting = Plan { export: true, ..Plan::default() };
    let reason = refusal(Settings { plan: exporting.clone(), ..settings() });
    assert!(reason.contains("neither a webhook"), "{reason}");
    let reason = refusal(Settings { webhook: webhook("ftp://x", 1), ..settings() });
    assert!(reason.starts_with("webhook.url must be"), "{reason}");
    let reason = refusal(Settings { webhook: webhook("https://x", 0), ..settings() });
    assert!(reason.starts_with("webhook.time_limit_ms must be"), "{reason}");
    let user = crate::names::UserName::new("ann").expect("a valid name");
    let assignment = Assignment { users: vec![user.clone(), user], ..Assignment::default() };
    let reason = refusal(Settings { assignment, ..settings() });
    assert!(reason.starts_with("assignment.users must be"), "{reason}");
    let limits = Limits { lease_ms: Millis(0), ..Limits::default() };
    let reason = refusal(Settings { limits, ..settings() });
    assert!(reason.starts_with("limits.lease_ms must be"), "{reason}");
    let module = serde_json::from_value(serde_json::json!([{ "module": "send" }])).expect("module entries");
    let modules = BTreeMap::from([(Stage::Export, module)]);
    let by_modules = Settings { plan: exporting.clone(), modules, ..settings() };
    assert!(Workspace::Absent.decide(&Command::Create(by_modules.clone())).is_ok());
    let reason = refusal(Settings { webhook: webhook("https://x", 1), ..by_modules });
    assert!(reason.starts_with("modules.export must be left out"), "{reason}");
    let works = Settings { plan: exporting, webhook: webhook("https://x", 1), ..settings() };
    assert!(Workspace::Absent.decide(&Command::Create(works)).is_ok());
}
