//! What the configuration accepts and what it says of mistakes.

use super::Config;

fn problem(text: &str) -> String {
    Config::parse(text).unwrap_err()
}

#[test]
fn an_empty_file_is_the_defaults() {
    let config = Config::parse("").unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:7171");
    assert_eq!(config.workers, 0);
}

#[test]
fn an_unknown_key_is_an_error_that_names_the_nearest_known_one() {
    assert_eq!(problem("liston = '127.0.0.1:1'"), "there is no key 'liston'; did you mean 'listen'?");
    assert_eq!(
        problem("[limits]\nbody_byte_max = 1"),
        "there is no key 'limits.body_byte_max'; did you mean 'limits.body_bytes_max'?"
    );
    assert_eq!(
        problem("[modules.ocr]\ncomand = ['ocr']"),
        "there is no key 'modules.ocr.comand'; did you mean 'modules.ocr.command'?"
    );
    assert!(problem("[stager]\nqqqq = 1").contains("the keys here are zone"));
}

#[test]
fn every_key_is_known() {
    let text = "data_dir = 'd'\nlisten = '127.0.0.1:1'\ntls_cert = 'c'\ntls_key = 'k'\nworkers = 2\nlog_format = 'json'\n\
        [limits]\nlog_bytes_max = 1\nrequests_per_second_max = 9\ntls_handshake_ms_max = 5\nshutdown_ms_max = 5\n[content]\nbase_url = 'file:///c'\nregistered_bases = []\n\
        [modules.a]\ncommand = ['cat']\ndir = '/'\noutput_scope = 'text'\n[modules.a.retry]\nattempts_max = 2\n\
        [modules.b]\nshell = 'cat'\nmode = 'stream'\nbatch_items_max = 5\nend_limit_ms = 1\n\
        [modules.c]\nkind = 'http'\nurl = 'http://localhost/'\nrequest_bytes_max = 1\nreply_bytes_max = 1\n\
        [modules.c.headers]\nauthorization = 'x'\n";
    let config = Config::parse(text).unwrap();
    assert_eq!(config.modules.len(), 3);
    assert_eq!(config.limits.log_bytes_max, Some(1));
}

#[test]
fn a_limit_of_zero_is_refused() {
    assert_eq!(problem("[limits]\nkeys_max = 0"), "limits.keys_max must be at least 1");
    assert!(problem("[limits]\ntls_handshake_ms_max = 0").contains("must be at least 1"));
    assert!(problem("[limits]\nrequests_per_second_max = 0").contains("leave it out for no limit"));
}

#[test]
fn a_module_name_must_be_valid() {
    assert!(problem("[modules.'a b']\ncommand = ['cat']").contains("module name"));
}

#[test]
fn the_policy_of_the_watchdog_is_the_default_or_what_the_file_says() {
    use domain::task::{POLICY_DEFAULT, Target, TaskStatus};
    assert_eq!(Config::parse("").unwrap().runtime().watchdog, POLICY_DEFAULT);
    let line = |target: &str| {
        format!(
            "[[tasks.watchdog]]\nstatus = 'RecognitionInProgress'\nthreshold_ms = 60000\ntarget = '{target}'\n"
        )
    };
    let policy = Config::parse(&line("ToReview")).unwrap().runtime().watchdog;
    assert_eq!(policy.len(), 1);
    assert_eq!(policy[0].target, Target::Status(TaskStatus::ToReview));
    assert!(problem(&line("Nowhere")).contains("there is no status 'Nowhere'"));
    assert!(problem(&line("history")).contains("cannot move a task"));
    assert!(problem(&line("Processed")).contains("cannot move a task"));
    assert!(problem("[tasks]\nwatchdogs = []").contains("did you mean 'tasks.watchdog'"));
}

#[test]
fn tasks_are_counted_by_the_words_that_find_them() {
    let gauge =
        |name: &str, filter: &str| format!("[[tasks.gauges]]\nname = '{name}'\nfilter = {{ {filter} }}\n");
    let text = gauge("failed", "status = ['PreProcessingFailed', 1042]") + &gauge("stuck", "stuck = true");
    let gauges = Config::parse(&text).unwrap().runtime().task_gauges;
    assert_eq!((gauges[0].name.as_str(), gauges[0].filter.status.len()), ("failed", 2));
    assert_eq!(gauges[1].filter.stuck, Some(true));
    assert!(problem(&gauge("failed", "color = 'red'")).contains("color"));
    assert!(problem(&(gauge("a", "") + &gauge("a", ""))).contains("a name of its own"));
}

#[test]
fn targets_of_replays_are_checked_before_anything_is_sent() {
    let config = Config::parse(
        "[replay.targets.second]\nurl = 'https://standby:7171'\napi_key = 'k'\n[secrets]\nk = { env = 'K' }\n",
    );
    assert_eq!(config.unwrap().replay.targets.len(), 1);
    for (wrong, expected) in [
        ("url = 'ftp://standby'", "replay.targets.second.url must be like"),
        ("url = 'standby:7171'", "replay.targets.second.url must be like"),
        ("url = 'http://me:secret@standby'", "no user and no password"),
        ("url = 'http://standby'\napi_key = 'k'", "no 'k' among [secrets]"),
        ("url = 'http://standby'\ntoken = 'k'", "token"),
    ] {
        let error = problem(&format!("[replay.targets.second]\n{wrong}\n"));
        assert!(error.contains(expected), "{wrong}: {error}");
        assert!(!error.contains("me:secret"), "{error}");
    }
}

#[test]
fn secrets_are_named_and_never_shown() {
    let text = "[webhooks]\nhosts = [\"erp\"]\n[secrets]\na = \"hunter2\"\nb = { file = \"/f\" }\nc = { env = \"C\" }\n";
    let config = Config::parse(text).unwrap();
    assert_eq!((config.secrets.len(), config.webhooks.hosts.len()), (3, 1));
    assert!(!format!("{config:?}{}", serde_json::to_string(&config).unwrap()).contains("hunter2"));
    for (wrong, expected) in [
        ("[secrets]\na = 1\n", "a secret is a text"),
        ("[secrets]\na = { path = \"/f\" }\n", "a secret is a text"),
        ("[secrets]\n\"a b\" = \"x\"\n", "a secret's name"),
        ("[webhooks]\nhost = []\n", "hosts"),
    ] {
        let error = Config::parse(wrong).unwrap_err();
        assert!(error.contains(expected), "{wrong}: {error}");
    }
}
