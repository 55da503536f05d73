//! The image as far as it needs no container engine: its root folder, started as an engine starts it, and its
//! Containerfile beside that.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use msgraph_emulator::Tenant;
use serde_json::{Value, json};
use system_tests::worker_process::path_of;
use system_tests::{Testbed, repository};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::{compose, run};

const CONTAINERFILE: &str = "deploy/image/Containerfile";
const EVENT: &str = "onboarding.requested.v1.minimal.json";

/// A stage of the Containerfile: what it begins with, and its instructions.
struct Stage {
    name: String,
    base: String,
    instructions: Vec<(String, String)>,
}

impl Stage {
    fn all() -> Vec<Self> {
        let text = repository::text(CONTAINERFILE);
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut stages: Vec<Self> = Vec::new();
        for line in lines {
            let (word, rest) = line.split_once(' ').unwrap();
            if word == "FROM" {
                let (base, name) = rest.split_once(" AS ").unwrap();
                let [name, base] = [name, base].map(str::to_owned);
                stages.push(Self { name, base, instructions: Vec::new() });
            } else {
                stages.last_mut().unwrap().instructions.push((word.to_owned(), rest.to_owned()));
            }
        }
        stages
    }

    fn named(name: &str) -> Self {
        Self::all().into_iter().find(|stage| stage.name == name).unwrap()
    }

    fn each<'a>(&'a self, word: &'a str) -> impl Iterator<Item = &'a str> {
        self.instructions.iter().filter(move |(found, _)| found == word).map(|(_, rest)| rest.as_str())
    }

    /// The words of a list, such as that of ENTRYPOINT.
    fn list(&self, word: &str) -> Vec<String> {
        let rest = self.each(word).last().unwrap();
        serde_json::from_str(&rest[rest.find('[').unwrap()..]).unwrap()
    }
}

/// The root folder of the image of this program.
async fn tree(folder: &TempDir, program: &str) -> PathBuf {
    let root = folder.path().join(program);
    let mut make = Command::new(repository::root().join("deploy/image/tree"));
    make.arg(path_of(program)).arg(&root);
    run(make, "").await;
    root
}

/// A program in a root folder, with these variables only.
fn inside<S: AsRef<str>>(root: &Path, variables: &[(String, String)], words: &[S]) -> Command {
    let mut command = Command::new(repository::root().join("tests/tests/foreign/image/start"));
    command.arg(root).args(words.iter().map(AsRef::as_ref));
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").envs(variables.iter().cloned());
    command.kill_on_drop(true).stdin(Stdio::null());
    command
}

/// Ends a program that was started in a root folder; where tests are not root, that takes sudo as well.
fn stop(id: u32) -> Command {
    let mut kill = Command::new("sh");
    kill.args(["-c", "kill -TERM $1 2>/dev/null || exec sudo -n kill -TERM $1", "kill", &id.to_string()]);
    kill
}

/// The two numbers with which a text begins.
fn version(text: &str) -> Vec<u32> {
    let numbers = text.split(|c: char| !c.is_ascii_digit()).take(2);
    numbers.map(|number| number.parse().unwrap()).collect()
}

/// An address on loopback that is free now.
fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// The variables of the compose file, with addresses of this test.
fn variables(testbed: &Testbed, tenant: &str, admin: &str) -> Vec<(String, String)> {
    let at_home = |(name, value): (String, String)| {
        let value = match name.strip_prefix("GATEHOUSE__").unwrap() {
            "BROKER__URL" => testbed.broker.url().to_owned(),
            "GRAPH__URL" | "GRAPH__LOGIN_URL" => tenant.to_owned(),
            "ADMIN__LISTEN" => admin.to_owned(),
            _ => value,
        };
        (name, value)
    };
    let mut variables: Vec<_> = compose::variables().into_iter().map(at_home).collect();
    variables.push(("GATEHOUSE__BROKER__PREFIX".to_owned(), testbed.prefix().to_owned()));
    variables
}

#[tokio::test]
async fn the_trees_of_the_images_answer_the_first_event() {
    let mut testbed = Testbed::with(Tenant::contoso()).compiled_in().build().await;
    let folder = TempDir::new().unwrap();
    let (emulator, root) = (tree(&folder, "msgraph-emulator").await, tree(&folder, "gatehouse").await);
    let mut words = Stage::named("emulator").list("ENTRYPOINT");
    words.extend(["--listen", "127.0.0.1:0"].map(str::to_owned));
    let mut tenant = inside(&emulator, &[], &words).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(tenant.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    let address = line.strip_prefix("listening on ").unwrap();

    // As compose.yaml mounts it.
    std::fs::create_dir(root.join("examples")).unwrap();
    let example = repository::root().join("schemas/examples").join(EVENT);
    std::fs::copy(example, root.join("examples").join(EVENT)).unwrap();
    let variables = variables(&testbed, address, &free_address());
    let stage = Stage::named("gatehouse");
    let start = |words: &[&str]| {
        let entry = stage.list("ENTRYPOINT").into_iter();
        let words: Vec<_> = entry.chain(words.iter().map(|word| (*word).to_owned())).collect();
        inside(&root, &variables, &words)
    };
    assert!(run(start(&["--version"]), "").await.starts_with("gatehouse "));
    assert!(run(start(&["workflow", "show"]), "").await.contains("offboarding"));
    let command = stage.list("CMD");
    let mut worker = start(&command.iter().map(String::as_str).collect::<Vec<_>>());
    let mut worker = worker.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let example = format!("/examples/{EVENT}");
    let said = run(start(&["publish", "--now", "--wait", &example]), "").await;
    assert!(said.trim_end().ends_with(" succeeded"), "{said}");
    let probe = stage.list("HEALTHCHECK");
    assert_eq!(probe[0], stage.list("ENTRYPOINT")[0]);
    run(inside(&root, &variables, &probe), "").await;

    // The folder is the user's; the root is read-only.
    let written = start(&["man", "/var/lib/gatehouse"]).output().await.unwrap();
    let stderr = String::from_utf8_lossy(&written.stderr).into_owned();
    assert!(stderr.contains("Read-only file system"), "{stderr}");

    for child in [&mut worker, &mut tenant] {
        run(stop(child.id().unwrap()), "").await;
        let ended = tokio::time::timeout(system_tests::results::PATIENCE, child.wait()).await;
        assert_eq!(ended.unwrap().unwrap().code(), Some(0));
    }
    let gone = inside(&root, &variables, &probe).output().await.unwrap();
    assert_eq!(gone.status.code(), Some(1), "{gone:?}");
    testbed.saw(&said);
    testbed.close().await;
}

#[tokio::test]
async fn an_image_made_without_an_engine_is_that_of_the_containerfile() {
    let folder = TempDir::new().unwrap();
    let mut make = Command::new(repository::root().join("deploy/image/oci"));
    make.arg(path_of("gatehouse")).arg(folder.path().join("layout"));
    let name = run(make, "").await;
    let (_, tag) = name.trim_end().rsplit_once(':').unwrap();
    assert_eq!(tag, env!("CARGO_PKG_VERSION"));
    let bundle = folder.path().join("bundle");
    let mut unpack = Command::new("umoci");
    unpack.args(["unpack", "--image", name.trim_end()]);
    // Who made this folder is who we are.
    if folder.path().metadata().unwrap().uid() != 0 {
        unpack.arg("--rootless");
    }
    unpack.arg(&bundle);
    run(unpack, "").await;

    // What an engine is told to start.
    let config = std::fs::read_to_string(bundle.join("config.json")).unwrap();
    let process = serde_json::from_str::<Value>(&config).unwrap()["process"].take();
    let stage = Stage::named("gatehouse");
    let words: Vec<_> = stage.list("ENTRYPOINT").into_iter().chain(stage.list("CMD")).collect();
    assert_eq!(process["args"], json!(words));
    let user = format!("{}:{}", process["user"]["uid"], process["user"]["gid"]);
    assert_eq!(stage.each("USER").collect::<Vec<_>>(), [user]);
    let said = run(inside(&bundle.join("rootfs"), &[], &[words[0].as_str(), "--version"]), "").await;
    assert!(said.starts_with("gatehouse "), "{said}");
}

#[tokio::test]
async fn the_containerfile_copies_what_is_there_and_makes_the_tree_that_was_tried() {
    let [build, emulator, gatehouse]: [Stage; 3] = Stage::all().try_into().ok().unwrap();
    let ignored = repository::text(".dockerignore");
    for copied in build.each("COPY") {
        let words: Vec<_> = copied.split(' ').collect();
        let (_, sources) = words.split_last().unwrap();
        for source in sources {
            assert!(repository::root().join(source).exists(), "there is no {source}");
            assert!(ignored.lines().any(|line| line == format!("!{source}")), "{source} is ignored");
        }
    }
    let manifest = repository::text("Cargo.toml");
    let (_, least) = manifest.split_once("\nrust-version = \"").unwrap();
    let (_, builder) = build.base.rsplit_once("rust:").unwrap();
    assert!(version(builder) >= version(least), "{builder} is too old");
    let folder = TempDir::new().unwrap();
    let steps: Vec<_> = build.each("RUN").collect();
    for (stage, program, name) in
        [(&gatehouse, "gatehouse", "gatehouse"), (&emulator, "msgraph-emulator", "emulator")]
    {
        assert_eq!(stage.base, "scratch");
        let made = format!("deploy/image/tree target/dist/{program} /trees/{name}");
        assert!(steps.contains(&made.as_str()), "{steps:?}");
        let copied = format!("--from=build /trees/{name}/ /");
        assert!(stage.each("COPY").any(|rest| rest == copied), "{name}");
        let root = tree(&folder, program).await;
        assert_eq!(stage.list("ENTRYPOINT"), [format!("/usr/bin/{program}")]);
        assert!(root.join(format!("usr/bin/{program}")).is_file());
        let (user, _) = stage.each("USER").next().unwrap().split_once(':').unwrap();
        let users = std::fs::read_to_string(root.join("etc/passwd")).unwrap();
        assert!(users.contains(&format!(":x:{user}:{user}:")), "{users}");
        let certificates = std::fs::read_to_string(root.join("etc/ssl/certs/ca-certificates.crt")).unwrap();
        assert!(certificates.contains("BEGIN CERTIFICATE"));
    }
}
