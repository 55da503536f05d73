//! Everything the demo starts: the tenant, the workers, a folder for files and logs. All of it ends with a [`Site`].

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use broker::{Client, Outgoing, Properties, Settings};
use messages::ResultEvent;
use msgraph_emulator::{Emulator, Options};
use serde_json::Value;
use system_tests::house;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use crate::{Trouble, contoso, screen};

/// How long one thing may take to happen.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How often something is looked at that tells nobody when it changes.
pub const LOOK: Duration = Duration::from_millis(30);
/// Attempts at a stage before a run is set aside.
pub const MAX_ATTEMPTS: u32 = 3;

/// A tenant, workers, and a way to hear of results.
pub struct Site {
    pub emulator: Emulator,
    pub client: Client,
    results: UnboundedReceiver<Result<ResultEvent, String>>,
    settings: Vec<(String, String)>,
    workers: Vec<(Child, PathBuf)>,
    folder: TempDir,
}

impl Site {
    /// Starts the tenant and listens to results, where exchanges and queues are declared.
    pub async fn open(url: &str, broker: &Settings) -> Result<Self, Trouble> {
        let emulator = Emulator::start(Options::new(contoso::tenant()))?;
        let folder = tempfile::Builder::new().prefix("gatehouse-demo.").tempdir()?;
        let client = Client::connect(broker).await?;
        let results = listen(&client).await?;
        let settings = settings(&emulator, url, &broker.prefix);
        Ok(Self { emulator, client, results, settings, workers: Vec::new(), folder })
    }

    /// Starts a worker; [`Site::ready`] waits for it.
    pub fn start_worker(&mut self) -> Result<(), Trouble> {
        let log = self.folder.path().join(format!("worker-{}.log", self.workers.len() + 1));
        let mut command = self.command(&["run"])?;
        let child = command.stdout(Stdio::null()).stderr(File::create(&log)?).spawn()?;
        self.workers.push((child, log));
        Ok(())
    }

    /// Waits until every worker takes events.
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

    /// Writes an event where the commands find it.
    pub fn write(&self, name: &str, event: &Value) -> Result<(), Trouble> {
        Ok(std::fs::write(self.folder.path().join(name), serde_json::to_string_pretty(event)?)?)
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

    /// Publishes as a stranger would who checks nothing.
    pub async fn publish_unchecked(&self, key: &str, event: &Value) -> Result<(), Trouble> {
        let properties = Properties {
            content_type: Some(messages::CLOUDEVENT_CONTENT_TYPE.to_owned()),
            message_id: event.get("id").and_then(Value::as_str).map(str::to_owned),
            ..Properties::default()
        };
        let outgoing = Outgoing::event(key, event.to_string()).with_properties(properties);
        Ok(self.client.publisher().publish(&outgoing).await?)
    }

    /// The next result.
    pub async fn heard(&mut self) -> Result<ResultEvent, Trouble> {
        let heard = tokio::time::timeout(PATIENCE, self.results.recv()).await;
        let heard = heard.map_err(|_| "the workers have published no result for a minute")?;
        heard.unwrap_or_else(|| Err("the connection to the broker is lost".to_owned())).map_err(Trouble::from)
    }

    /// Asks the workers to stop and sees that they do.
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
        // Nothing but what is set here: the watcher's own settings are for another Gatehouse.
        command.env_clear().envs(self.settings.iter().cloned()).args(arguments);
        command.current_dir(self.folder.path()).stdin(Stdio::null()).kill_on_drop(true);
        Ok(command)
    }
}

/// Hands every result on; a task of its own, so that waiting for one can be given up without losing it.
async fn listen(client: &Client) -> Result<UnboundedReceiver<Result<ResultEvent, String>>, Trouble> {
    let mut results = client.results(&["#"]).await?;
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let heard = match results.next().await {
                Ok(message) => ResultEvent::from_bytes(&message.body).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            let ends = heard.is_err();
            if sender.send(heard).is_err() || ends {
                return;
            }
        }
    });
    Ok(receiver)
}

fn settings(emulator: &Emulator, url: &str, prefix: &str) -> Vec<(String, String)> {
    let mut settings = house::variables(emulator, url, prefix);
    // So that the watcher sees the end of it.
    settings.push(house::variable(("RETRY__MAX_ATTEMPTS", MAX_ATTEMPTS.to_string())));
    settings.push(("COLUMNS".to_owned(), screen::COLUMNS.to_string()));
    settings
}

/// A binary that was built together with this one.
fn beside_this(name: &str) -> Result<PathBuf, Trouble> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.is_file() {
        return Ok(path);
    }
    Err(format!("found no {}; run `make demo`, which builds it", path.display()).into())
}

fn last_line(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().last().unwrap_or("its log is empty").to_owned()
}
