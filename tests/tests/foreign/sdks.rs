//! Official SDKs, as they come from their registries: Microsoft's work in the emulated tenant, those of CloudEvents publish.

use std::path::{Path, PathBuf};

use msgraph_emulator::{Emulator, Options, Tenant};
use system_tests::{Testbed, repository};
use tokio::process::Command;

use crate::run;

/// How many operations each SDK goes through at least.
const OPERATIONS: usize = 60;

/// What `make test-foreign` has put at the place this variable names.
pub(crate) fn prepared(variable: &str) -> PathBuf {
    let path = std::env::var(variable);
    let path = path.unwrap_or_else(|_| panic!("{variable} is not set: run `make test-foreign`"));
    Path::new(&repository::root()).join(path)
}

/// A tenant over HTTPS, and the file with the certificate to trust.
struct Office {
    emulator: Emulator,
    authority: PathBuf,
    _folder: tempfile::TempDir,
}

impl Office {
    fn open() -> Self {
        let tenant = repository::root().join("tests/tests/foreign/sdk/tenant.json");
        let emulator = Emulator::start(Options::new(Tenant::from_file(&tenant).unwrap()).https()).unwrap();
        let folder = tempfile::TempDir::new().unwrap();
        let authority = folder.path().join("authority.pem");
        std::fs::write(&authority, emulator.certificate_authority().unwrap()).unwrap();
        Self { emulator, authority, _folder: folder }
    }

    /// Where the tenant is, and who signs in.
    fn arguments(&self) -> [String; 4] {
        let application = self.emulator.application();
        [self.emulator.url(), application.tenant_id, application.client_id, application.client_secret]
    }

    /// Runs a program that works in the tenant, and checks that it did not stop half way.
    async fn works(&self, program: Command) {
        let printed = run(program, "").await;
        let count = printed.trim().strip_suffix(" operations").and_then(|count| count.parse::<usize>().ok());
        assert!(count.is_some_and(|count| count >= OPERATIONS), "{printed}");
        let journal = self.emulator.journal();
        let of_graph = journal.iter().filter(|entry| !entry.token);
        assert!(of_graph.count() >= OPERATIONS, "the tenant saw less than the program tells");
    }
}

#[tokio::test]
async fn the_graph_sdk_for_python_works_in_the_emulated_tenant() {
    let office = Office::open();
    let mut program = Command::new(prepared("FOREIGN_PYTHON"));
    program.arg(repository::root().join("tests/tests/foreign/sdk/graph_sdk.py"));
    program.args(office.arguments()).arg(&office.authority);
    office.works(program).await;
}

#[tokio::test]
async fn the_graph_sdk_for_javascript_works_in_the_emulated_tenant() {
    let office = Office::open();
    let mut program = Command::new("node");
    program.arg(prepared("FOREIGN_SDK").join("graph_sdk.mjs")).args(office.arguments());
    program.env("NODE_EXTRA_CA_CERTS", &office.authority);
    office.works(program).await;
    // This one reads first where to sign in.
    let journal = office.emulator.journal();
    assert!(journal.first().is_some_and(|entry| entry.path.ends_with("/.well-known/openid-configuration")));
}

#[tokio::test]
async fn a_javascript_publisher_is_understood() {
    let mut testbed = Testbed::with(Tenant::contoso()).build().await;
    let mut worker = testbed.worker().await;
    let mut publisher = Command::new("node");
    publisher.arg(prepared("FOREIGN_SDK").join("publish.mjs")).args([testbed.broker.url(), testbed.prefix()]);
    assert_eq!(run(publisher, "").await.trim(), "javascript gatehouse.run.finished.v1 succeeded");
    assert_eq!(worker.terminate().await, Some(0));
    testbed.close().await;
}
