//! Keys by the command line: the first one on the data folder, further ones through the server, and where it may listen.

use tempfile::TempDir;
use tests::binary::run;
use tests::crash::server::Server;

#[test]
fn the_first_key_is_made_on_the_data_folder_and_the_server_then_asks_for_it() {
    let folder = TempDir::new().unwrap();
    let made = run(folder.path(), &["keys", "create", "ops", "--role", "admin"]);
    let key = made.stdout.trim().to_owned();
    assert!(made.code == 0 && key.starts_with("rp_") && !key.contains(char::is_whitespace), "{made:?}");
    assert!(made.stderr.contains("it is not shown again"), "{}", made.stderr);
    // Whoever can open the folder needs no key.
    let listed = run(folder.path(), &["keys", "list"]);
    assert!(listed.code == 0 && listed.stdout.contains("ops"), "{listed:?}");

    let mut server = Server::start(folder.path(), 0);
    let _url = server.listens();
    let refused = run(folder.path(), &["status"]);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.stderr.contains("valid API key is needed"), "{}", refused.stderr);
    let answered = run(folder.path(), &["--api-key", &key, "status"]);
    assert_eq!(answered.code, 0, "{answered:?}");
    let viewer = run(folder.path(), &["--api-key", &key, "keys", "create", "looks", "--role", "viewer"]);
    let viewer = viewer.stdout.trim().to_owned();
    let refused = run(folder.path(), &["--api-key", &viewer, "unit", "create", "docs"]);
    assert!(refused.code == 4 && refused.stderr.contains("'write'"), "{refused:?}");
    let id = run(folder.path(), &["--api-key", &key, "--json", "keys", "list"]).json();
    let items = id["items"].as_array().unwrap();
    let looks = items.iter().find(|item| item["name"] == "looks").unwrap()["id"].as_str().unwrap();
    assert_eq!(run(folder.path(), &["--api-key", &key, "keys", "revoke", looks]).code, 0);
    assert_eq!(run(folder.path(), &["--api-key", &viewer, "status"]).code, 4);
    let (code, _) = server.stop();
    assert_eq!(code, 0);
}

#[test]
fn a_server_is_reached_from_elsewhere_only_with_keys_and_only_when_that_is_said_to_be_safe() {
    let folder = TempDir::new().unwrap();
    let plain = run(folder.path(), &["serve", "--listen", "0.0.0.0:0"]);
    assert!(plain.code == 2 && plain.stderr.contains("--insecure-http"), "{plain:?}");
    let open = run(folder.path(), &["serve", "--listen", "0.0.0.0:0", "--insecure-http"]);
    assert!(open.code == 2 && open.stderr.contains("reprise keys create NAME --role admin"), "{open:?}");
}
