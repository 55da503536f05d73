//! The RabbitMQ of a test: the one of the whole suite, or a private node that the test may stop and start.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A broker's address and, for a private node, its folder.
pub struct BrokerNode {
    url: String,
    home: Option<PathBuf>,
    management: Option<String>,
}

impl BrokerNode {
    /// The broker that `make test` has started for the whole suite.
    pub fn shared() -> Self {
        let url = std::env::var("AMQP_URL").ok().filter(|url| !url.is_empty());
        let url = url.expect("AMQP_URL is not set: run `make test`, which starts a private RabbitMQ");
        Self { url, home: None, management: None }
    }

    /// A private node. Stopped when dropped, and when this process ends without dropping it.
    pub fn private() -> Self {
        Self::start(&[])
    }

    /// A private node with the management API.
    pub fn managed() -> Self {
        Self::start(&["--management".as_ref()])
    }

    /// Three nodes of a cluster. The first has to be dropped last.
    pub fn cluster() -> [Self; 3] {
        let first = Self::private();
        let [second, third] = [(); 2].map(|()| Self::start(&["--join".as_ref(), first.home().as_os_str()]));
        [first, second, third]
    }

    fn start(options: &[&OsStr]) -> Self {
        let watched = std::process::id().to_string();
        let mut command = Command::new(script());
        command.args(["start", "--private", "--while", &watched]).args(options).stderr(Stdio::inherit());
        let output = command.output().unwrap();
        assert!(output.status.success(), "no private RabbitMQ");
        let text = String::from_utf8(output.stdout).unwrap();
        let given = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            line.map(str::to_owned)
        };
        let value = |name: &str| given(name).unwrap_or_else(|| panic!("no {name} in {text}"));
        let management = given("MANAGEMENT_URL");
        Self { url: value("AMQP_URL"), home: Some(value("NODE_HOME").into()), management }
    }

    /// The address, credentials included.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address of its management API, credentials included.
    pub fn management_url(&self) -> &str {
        self.management.as_deref().expect("only a managed node has the management API")
    }

    /// Whether it may be stopped.
    pub fn is_private(&self) -> bool {
        self.home.is_some()
    }

    /// Stops the node, with SIGKILL if `kill`, and starts it again with its data.
    pub async fn restart(&self, kill: bool) {
        let home = self.home().to_owned();
        let mut arguments = vec!["restart".into()];
        arguments.extend(kill.then(|| "--kill".into()));
        arguments.push(home.into_os_string());
        run(arguments).await;
    }

    /// Runs `rabbitmqctl` on the node and returns what it printed.
    pub async fn ctl(&self, arguments: &[&str]) -> String {
        ctl(self.home(), arguments).await
    }

    /// Stops the node's process as a machine that freezes does: its connections stay, and nothing answers. The node has to
    /// be private, and does not go on.
    pub async fn freeze(&self) {
        let id = self.ctl(&["eval", "os:getpid()."]).await;
        let id = id.trim().trim_matches('"');
        assert!(Command::new("kill").args(["-STOP", id]).status().unwrap().success(), "{id}");
    }

    /// Makes the process hang that stores what goes into a stream, and returns how to make it go on. What is published
    /// there meanwhile is not confirmed. The node has to be private.
    pub async fn hang(&self, stream: &str) -> Hangs {
        let name = format!("hangs-{stream}");
        // A process is suspended for as long as the one lives that has suspended it.
        let suspend = format!(
            "{{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<\"/\">>, queue, <<\"{stream}\">>)), \
             Leader = amqqueue:get_pid(Q), Asks = self(), \
             Holds = spawn(fun() -> erlang:suspend_process(Leader), Asks ! hangs, receive go_on -> ok end end), \
             receive hangs -> ok end, register('{name}', Holds)."
        );
        self.ctl(&["eval", &suspend]).await;
        Hangs { home: self.home().to_owned(), name }
    }

    /// The folder of a private node, in which its settings are.
    pub fn home(&self) -> &Path {
        self.home.as_deref().expect("only a private node can be stopped")
    }
}

/// A stream that stores nothing.
pub struct Hangs {
    home: PathBuf,
    name: String,
}

impl Hangs {
    /// Lets it store again.
    pub async fn goes_on(self) {
        ctl(&self.home, &["eval", &format!("'{}' ! go_on.", self.name)]).await;
    }
}

impl Drop for BrokerNode {
    fn drop(&mut self) {
        if let Some(home) = &self.home {
            let _ = Command::new(script()).arg("stop").arg(home).status();
        }
    }
}

async fn ctl(home: &Path, arguments: &[&str]) -> String {
    let mut all = vec!["ctl".into(), home.as_os_str().to_owned()];
    all.extend(arguments.iter().map(|argument| (*argument).into()));
    run(all).await
}

async fn run(arguments: Vec<std::ffi::OsString>) -> String {
    let output = tokio::process::Command::new(script()).args(&arguments).output().await.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "private-node {arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/broker/private-node")
}
