//! What `Containerfile` says, against the sources and the defaults of the code. No image is built here: that needs a container
//! engine and base images from elsewhere.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use cargo_metadata::MetadataCommand;
use tempfile::TempDir;

use super::{help, root, text};

/// The instructions of `Containerfile`, each with its words; lines that go on are joined.
fn instructions() -> Vec<(String, Vec<String>)> {
    let source = text("Containerfile");
    let lines: Vec<&str> = source.lines().filter(|line| !line.starts_with('#')).collect();
    let joined = lines.join("\n").replace("\\\n", " ");
    let instruction = |line: &str| {
        let mut words = line.split_whitespace().map(str::to_owned);
        Some((words.next()?, words.collect()))
    };
    joined.lines().filter_map(instruction).collect()
}

/// The words of every instruction of a kind.
fn all(kind: &str) -> Vec<Vec<String>> {
    instructions().into_iter().filter(|(it, _)| it == kind).map(|(_, words)| words).collect()
}

/// The words of the one instruction of a kind, as a line.
fn one(kind: &str) -> String {
    match &all(kind)[..] {
        [words] => words.join(" "),
        others => panic!("{kind} stands {} times", others.len()),
    }
}

/// What is copied from the sources, and where to.
fn copies() -> Vec<(Vec<String>, String)> {
    let copies = all("COPY").into_iter().filter(|words| !words[0].starts_with("--from="));
    copies
        .map(|mut words| {
            let target = words.pop().unwrap();
            (words, target)
        })
        .collect()
}

#[test]
fn every_source_that_is_copied_is_there_and_not_ignored() {
    let ignored = text(".containerignore");
    let ignored: Vec<&str> = ignored.lines().filter(|line| !line.starts_with('#')).collect();
    let sources: Vec<String> = copies().into_iter().flat_map(|(sources, _)| sources).collect();
    assert!(!sources.is_empty());
    for source in sources {
        assert!(root().join(&source).exists(), "{source} is not there");
        assert!(!ignored.contains(&source.as_str()), "{source} is in .containerignore");
    }
}

#[test]
fn what_is_copied_into_the_build_is_a_whole_workspace() {
    let folder = TempDir::new().unwrap();
    for (sources, target) in copies().into_iter().filter(|(_, target)| target.starts_with("./")) {
        for source in sources {
            let is_folder = root().join(&source).is_dir();
            let target = if is_folder { folder.path().join(&target) } else { folder.path().join(&source) };
            copy(&root().join(&source), &target);
        }
    }
    let mut command = MetadataCommand::new();
    command.manifest_path(folder.path().join("Cargo.toml")).no_deps();
    command.other_options(["--locked".to_owned(), "--offline".to_owned()]);
    let metadata = command.exec().expect("cargo finds every member in what is copied");
    let ours = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap();
    assert_eq!(metadata.packages.len(), ours.packages.len());
}

fn copy(from: &Path, to: &Path) {
    if !from.is_dir() {
        fs::copy(from, to).unwrap();
        return;
    }
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        if entry.file_name() != "target" {
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    }
}

#[test]
fn the_build_makes_the_binary_that_is_run() {
    let metadata = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap();
    let binaries = metadata.packages.iter().flat_map(|package| &package.targets).filter(|it| it.is_bin());
    let names: Vec<&str> = binaries.map(|binary| binary.name.as_str()).collect();
    assert_eq!(names, ["reprise"]);
    let build = all("RUN").into_iter().map(|words| words.join(" ")).find(|line| line.contains("cargo build"));
    let build = build.expect("a stage builds it");
    assert!(build.contains("--package cli ") && build.contains("--locked"), "{build}");
    assert!(build.contains("install target/release/reprise /usr/local/bin/reprise"), "{build}");
    assert!(
        all("COPY")
            .iter()
            .any(|words| words.join(" ") == "--from=build /usr/local/bin/reprise /usr/local/bin/reprise")
    );
    assert_eq!((one("ENTRYPOINT"), one("CMD")), (r#"["reprise"]"#.to_owned(), r#"["serve"]"#.to_owned()));
    assert!(one("HEALTHCHECK").ends_with(r#"CMD ["reprise", "health"]"#));
}

#[test]
fn the_stages_are_of_one_release_and_of_the_compiler_that_the_workspace_asks_for() {
    let images: Vec<String> = all("FROM").into_iter().map(|words| words[0].clone()).collect();
    let [build, run] = &images[..] else { panic!("two stages, not {images:?}") };
    let manifest = text("Cargo.toml");
    let version = manifest.lines().find_map(|line| line.strip_prefix("rust-version = \""));
    let version = version.and_then(|rest| rest.strip_suffix('"')).expect("the workspace names a compiler");
    let release = run.strip_prefix("debian:").and_then(|rest| rest.strip_suffix("-slim"));
    let release = release.expect("the last stage is Debian");
    assert_eq!(*build, format!("rust:{version}-slim-{release}"));
}

#[test]
fn the_image_runs_as_a_user_that_owns_the_data_folder() {
    let user = one("USER");
    let (user, group) = user.split_once(':').expect("a user and a group");
    let (user, group): (u32, u32) = (user.parse().unwrap(), group.parse().unwrap());
    assert!(user > 0 && group > 0, "not root");
    let prepared = all("RUN").into_iter().map(|words| words.join(" ")).find(|line| line.contains("useradd"));
    let prepared = prepared.expect("the user is made");
    assert!(prepared.contains(&format!("useradd --uid {user} --gid {group} ")), "{prepared}");
    let folder = one("VOLUME");
    assert!(
        prepared.contains(&format!("--owner reprise --group reprise --mode 0700 {folder}")),
        "{prepared}"
    );
    assert_eq!(one("ENV"), format!("REPRISE_DATA_DIR={folder}"));
}

#[test]
fn no_port_is_exposed_for_as_long_as_none_could_be_reached() {
    assert!(all("EXPOSE").is_empty());
    let serve = help(&["serve".to_owned()]).split_whitespace().collect::<Vec<_>>().join(" ");
    let defaults = serve.split("[default: ").skip(1).filter_map(|rest| rest.split(']').next());
    let addresses: Vec<SocketAddr> = defaults.filter_map(|default| default.parse().ok()).collect();
    let [listen] = addresses[..] else { panic!("the help names one default address, not {addresses:?}") };
    assert!(listen.ip().is_loopback(), "an address that can be reached: expose its port");
    let listen = listen.to_string();
    assert!(text("Containerfile").contains(&listen), "Containerfile names another address than {listen}");
    assert!(
        text("docs/operations.md").contains(&listen),
        "docs/operations.md names another address than {listen}"
    );
}
