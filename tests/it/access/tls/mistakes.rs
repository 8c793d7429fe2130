//! What does not fit, and what is said about it.

use std::fs;

use tempfile::TempDir;
use tests::binary::run;
use tests::crash::server::Server;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::site::{Authority, Site};

#[tokio::test]
async fn plain_http_where_tls_is_spoken_is_told_so() {
    let site = Site::new();
    let (_server, address) = site.serve();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("ask for https://"), "{answer}");
    let url = format!("http://localhost:{}", address.port());
    let refused = run(TempDir::new().unwrap().path(), &["--server", &url, "status"]);
    assert!(refused.code == 2 && refused.stderr.contains("ask for https://"), "{refused:?}");
}

#[test]
fn https_where_no_tls_is_spoken_is_told_so() {
    let site = Site::new();
    let mut server = Server::start(site.path(), 0);
    let address = server.listens().strip_prefix("http://").unwrap().parse().unwrap();
    let refused = site.ask(address, &site.authority.file, &["status"]);
    assert!(refused.code == 5 && refused.stderr.contains("ask for http://"), "{refused:?}");
}

#[test]
fn a_certificate_for_another_name_is_refused_with_what_to_do() {
    let mut site = Site::new();
    (site.certificate, site.key) = site.authority.sign(site.path(), "elsewhere.example");
    let (_server, address) = site.serve();
    let refused = site.ask(address, &site.authority.file, &["status"]);
    assert!(refused.code == 5 && refused.stderr.contains("for another name"), "{refused:?}");
}

#[test]
fn a_file_of_authorities_that_cannot_be_used_is_named() {
    let site = Site::new();
    let address = ([127, 0, 0, 1], 1).into();
    for (file, problem) in [("missing.pem", "No such file"), ("localhost.key", "it holds no certificate")] {
        let refused = site.ask(address, &site.path().join(file), &["status"]);
        assert_eq!(refused.code, 3, "{refused:?}");
        assert!(refused.stderr.contains(problem) && refused.stderr.contains("--ca-cert"), "{refused:?}");
    }
}

#[test]
fn files_that_cannot_be_used_keep_the_server_from_starting_and_say_what_to_do() {
    let site = Site::new();
    Authority::new(site.path(), "other").sign(site.path(), "other.example");
    fs::write(site.path().join("broken.pem"), "-----BEGIN CERTIFICATE-----\nAAAA").unwrap();
    for (certificate, key, code, problem) in [
        ("missing.crt", "localhost.key", 3, "missing.crt cannot be read: No such file"),
        ("localhost.crt", "missing.key", 3, "missing.key cannot be read: No such file"),
        ("localhost.key", "localhost.key", 3, "holds no certificate"),
        ("localhost.crt", "localhost.crt", 3, "it holds no private key"),
        ("broken.pem", "localhost.key", 3, "broken.pem cannot be used"),
        ("localhost.crt", "other.example.key", 3, "is not that of the first certificate"),
        ("localhost.crt", "", 2, "name its file with --tls-key"),
        ("", "localhost.key", 2, "name its file with --tls-cert"),
    ] {
        let mut arguments = vec!["serve", "--listen", "127.0.0.1:0"];
        for (option, file) in [("--tls-cert", certificate), ("--tls-key", key)] {
            if !file.is_empty() {
                arguments.extend([option, file]);
            }
        }
        let ran = run(site.path(), &arguments);
        assert!(ran.code == code && ran.stderr.contains(problem), "{certificate} {key}: {ran:?}");
    }
}

#[test]
fn the_configuration_names_the_files_relative_to_itself() {
    let site = Site::new();
    let other = TempDir::new().unwrap();
    let config = site.path().join("reprise.toml");
    fs::write(&config, "tls_cert = 'localhost.crt'\ntls_key = 'missing.key'\n").unwrap();
    let ran = run(other.path(), &["serve", "--listen", "127.0.0.1:0", "--config", config.to_str().unwrap()]);
    let missing = site.path().join("missing.key");
    assert!(ran.code == 3 && ran.stderr.contains(missing.to_str().unwrap()), "{ran:?}");
    fs::write(&config, "tls_cert = 'localhost.crt'\ntls_key = 'localhost.key'\n").unwrap();
    let mut server = Server::start(site.path(), 0);
    assert!(server.listens().starts_with("https://"));
}

#[test]
fn elsewhere_than_on_loopback_tls_is_enough_for_the_network_and_keys_are_needed_still() {
    let site = Site::new();
    let serve = ["serve", "--listen", "0.0.0.0:0"];
    let plain = run(site.path(), &serve);
    assert!(plain.code == 2 && plain.stderr.contains("--tls-cert"), "{plain:?}");
    let secure = [&serve[..], &["--tls-cert", "localhost.crt", "--tls-key", "localhost.key"]].concat();
    let without_key = run(site.path(), &secure);
    assert!(without_key.code == 2 && without_key.stderr.contains("no API key"), "{without_key:?}");
}
