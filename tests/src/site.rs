//! What the demo and the playground start: an emulated tenant, workers, and a folder for files and logs.
//!
//! Everything ends with the [`Site`]. [`on_broker`] runs a program on one: whether the program succeeds, fails or is
//! ended by a signal, it deletes the exchanges and queues it declared.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Output, Stdio};
use std::time::Duration;

use broker::{Client, Outgoing, Properties};
use messages::ResultEvent;
use msgraph_emulator::{Emulator, Options, Tenant};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use crate::settings::{broker_settings, worker_settings};

/// What went wrong, in a sentence.
pub type Trouble = Box<dyn std::error::Error + Send + Sync>;

/// The width of everything that is shown, so that it reads the same on every terminal.
pub const COLUMNS: usize = 80;
/// The longest wait for one thing to happen.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The time between two looks at something that does not announce its changes.
pub const LOOK: Duration = Duration::from_millis(30);

/// How long the broker may take to delete what was declared.
const LIMIT_CLEANING: Duration = Duration::from_secs(20);

/// A name for the prefix and the folder of a program.
#[derive(Clone, Copy)]
pub struct Program {
    /// Such as `demo`.
    pub name: &'static str,
    /// The exit code after Ctrl-C.
    pub interrupted: u8,
}

/// A tenant, workers, and the results they publish.
pub struct Site {
    /// The tenant.
    pub emulator: Emulator,
    client: Client,
    results: UnboundedReceiver<Result<ResultEvent, String>>,
    settings: Vec<(String, String)>,
    workers: Vec<(Child, PathBuf)>,
    folder: TempDir,
}

/// Runs a program on the broker of `AMQP_URL`, under a prefix of its own, and cleans up after it.
pub async fn on_broker(
    program: Program,
    run: impl AsyncFnOnce(&str, &broker::Settings) -> Result<(), Trouble>,
) -> ExitCode {
    let complain = |text: &str| complain(program.name, text);
    let Some(url) = std::env::var("AMQP_URL").ok().filter(|url| !url.is_empty()) else {
        complain(&format!("AMQP_URL is not set: run `make {}`, which starts a RabbitMQ", program.name));
        return ExitCode::FAILURE;
    };
    let prefix = format!("{}-{}", program.name, uuid::Uuid::new_v4().simple());
    let broker = broker_settings(&url, &prefix);
    let mut declared = false;
    let running = async {
        broker::declare(&broker).await?;
        declared = true;
        run(&url, &broker).await
    };
    // The one that ends first drops the other, and with the program everything it started.
    let ended = tokio::select! {
        done = running => done.map(|()| 0),
        signal = stopped_by_signal(program) => signal,
    };
    let code = ended.unwrap_or_else(|trouble| {
        if !is_closed_pipe(&*trouble) {
            complain(&trouble.to_string());
        }
        1
    });
    match tokio::time::timeout(LIMIT_CLEANING, broker::delete(&broker)).await {
        Ok(Ok(())) => ExitCode::from(code),
        // Nothing was declared, and the reason is already reported.
        _ if !declared => ExitCode::from(code),
        _ => {
            complain(&format!("the broker did not delete the exchanges and queues {prefix}.*"));
            ExitCode::from(code.max(1))
        }
    }
}

/// Reports what went wrong; a terminal that is gone must not stop the cleaning.
fn complain(program: &str, text: &str) {
    let _ = writeln!(std::io::stderr(), "{program}: {text}");
}

/// Whether the reader of our output has gone away, which is no error of ours.
fn is_closed_pipe(trouble: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    let error = trouble.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Waits for a signal and returns the exit code that belongs to it.
async fn stopped_by_signal(program: Program) -> Result<u8, Trouble> {
    let (mut interrupt, mut terminate, mut hangup) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    let code = tokio::select! {
        _ = interrupt.recv() => program.interrupted,
        _ = terminate.recv() => 143,
        _ = hangup.recv() => 129,
    };
    complain(program.name, "stopped; cleaning up");
    Ok(code)
}

impl Site {
    /// Starts the tenant and begins to receive results, on a broker where exchanges and queues are declared.
    pub async fn open(
        program: Program,
        tenant: Tenant,
        url: &str,
        broker: &broker::Settings,
    ) -> Result<Self, Trouble> {
        let emulator = Emulator::start(Options::new(tenant))?;
        let folder = tempfile::Builder::new().prefix(&format!("gatehouse-{}.", program.name)).tempdir()?;
        let client = Client::connect(broker).await?;
        let results = receive(&client).await?;
        let mut settings = worker_settings(&emulator, url, &broker.prefix);
        settings.push(("COLUMNS".to_owned(), COLUMNS.to_string()));
        Ok(Self { emulator, client, results, settings, workers: Vec::new(), folder })
    }

    /// Changes a setting for every process started from now on.
    pub fn set(&mut self, setting: (String, String)) {
        self.settings.push(setting);
    }

    /// Starts a worker; [`Site::ready`] waits for it.
    pub fn start_worker(&mut self) -> Result<(), Trouble> {
        let log = self.folder.path().join(format!("worker-{}.log", self.workers.len() + 1));
        let mut command = self.command(&["run"])?;
        let child = command.stdout(Stdio::null()).stderr(File::create(&log)?).spawn()?;
        self.workers.push((child, log));
        Ok(())
    }

    /// Waits until every worker consumes events.
    pub async fn ready(&mut self) -> Result<(), Trouble> {
        let mut looks = tokio::time::interval(LOOK);
        for (child, log) in &mut self.workers {
            while !std::fs::read_to_string(&log)?.contains("broker session is up") {
                if let Some(status) = child.try_wait()? {
                    return Err(format!("a worker ended with {status}: {}", last_line(log)).into());
                }
                looks.tick().await;
            }
        }
        Ok(())
    }

    /// Waits until a worker ends, which none should do by itself.
    pub async fn until_a_worker_ends(&mut self) -> Result<(), Trouble> {
        let mut looks = tokio::time::interval(LOOK);
        loop {
            looks.tick().await;
            for (child, log) in &mut self.workers {
                if let Some(status) = child.try_wait()? {
                    return Err(format!("a worker ended with {status}: {}", last_line(log)).into());
                }
            }
        }
    }

    /// Writes a file into the folder and returns its path.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, Trouble> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text)?;
        Ok(path)
    }

    /// Runs `gatehouse` to its end; its output, if the exit code was 0.
    pub async fn gatehouse(&self, arguments: &[&str]) -> Result<String, Trouble> {
        let Output { status, stdout, stderr } = self.command(arguments)?.output().await?;
        if !status.success() {
            let (command, stderr) = (arguments.join(" "), String::from_utf8_lossy(&stderr).into_owned());
            return Err(format!("`gatehouse {command}` ended with {status}: {}", stderr.trim()).into());
        }
        Ok(String::from_utf8(stdout)?.trim_end().to_owned())
    }

    /// Publishes without checking anything, as a careless publisher does.
    pub async fn publish_unchecked(&self, key: &str, event: &Value) -> Result<(), Trouble> {
        let properties = Properties {
            content_type: Some(messages::CLOUDEVENT_CONTENT_TYPE.to_owned()),
            message_id: event.get("id").and_then(Value::as_str).map(str::to_owned),
            ..Properties::default()
        };
        let outgoing = Outgoing::event(key, event.to_string()).with_properties(properties);
        Ok(self.client.publisher().publish(&outgoing).await?)
    }

    /// Waits for the next result.
    pub async fn received(&mut self) -> Result<ResultEvent, Trouble> {
        let received = tokio::time::timeout(PATIENCE, self.results.recv()).await;
        let received = received.map_err(|_| "the workers have published no result for a minute")?;
        let lost = || Err("the connection to the broker is lost".to_owned());
        received.unwrap_or_else(lost).map_err(Trouble::from)
    }

    /// Stops the workers, and fails unless each ends well.
    pub async fn close(mut self) -> Result<(), Trouble> {
        for (child, log) in &mut self.workers {
            let id = child.id().ok_or("a worker has ended by itself")?.to_string();
            let asked = Command::new("kill").args(["-TERM", &id]).status().await?;
            let status = tokio::time::timeout(PATIENCE, child.wait()).await??;
            if !asked.success() || !status.success() {
                return Err(format!("a worker ended with {status}: {}", last_line(log)).into());
            }
        }
        self.client.close().await;
        Ok(())
    }

    fn command(&self, arguments: &[&str]) -> Result<Command, Trouble> {
        let mut command = Command::new(beside_this("gatehouse")?);
        // Only these settings: those of the environment may belong to another Gatehouse.
        command.env_clear().envs(self.settings.iter().cloned()).args(arguments);
        command.current_dir(self.folder.path()).stdin(Stdio::null()).kill_on_drop(true);
        Ok(command)
    }
}

/// Forwards every result from a task of its own, so that a caller can stop waiting without losing one.
async fn receive(client: &Client) -> Result<UnboundedReceiver<Result<ResultEvent, String>>, Trouble> {
    let mut results = client.results(&["#"]).await?;
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let received = match results.next().await {
                Ok(message) => ResultEvent::from_bytes(&message.body).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            let ends = received.is_err();
            if sender.send(received).is_err() || ends {
                return;
            }
        }
    });
    Ok(receiver)
}

/// The path of a binary that was built together with this one.
pub fn beside_this(name: &str) -> Result<PathBuf, Trouble> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.is_file() {
        return Ok(path);
    }
    Err(format!("found no {}: run `make demo`, which builds it", path.display()).into())
}

fn last_line(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().last().unwrap_or("its log is empty").to_owned()
}
