//! `gatehouse dead ...`: the operator's workbench for dead letters.

mod act;
mod count;
mod facts;
mod filter;
mod list;
mod plan;
mod show;
mod stop;
mod transfer;

use std::process::ExitCode;

use broker::DeadLetters;

pub(super) use self::act::{announcement, login_name};
use super::{CommandError, OutputArgs};
use crate::delivery::queues::WORKFLOWS;
use crate::settings::Config;

/// Lists, counts, shows, replays and discards dead letters.
#[derive(clap::Subcommand)]
#[command(after_help = "\
Examples:
  gatehouse dead count
  gatehouse dead list --class no_seat --newer-than 12h
  gatehouse dead show 6f0a8a6c-1b5e-5f0e-9d4c-0c2f5fd54f27
  gatehouse dead replay --all --class retries_exhausted --limit 10 \\
      --why \"Graph is back\"
  gatehouse dead discard 6f0a8a6c-1b5e-5f0e-9d4c-0c2f5fd54f27 --why \"by mistake\"")]
pub enum Command {
    /// List dead letters, oldest first
    List {
        #[command(flatten)]
        which: filter::Which,
        #[command(flatten)]
        format: OutputArgs,
    },
    /// Count dead letters by cause, the most frequent first
    ///
    /// A cause is the class, the code, the action, and the reason without the ids in it.
    Count {
        #[command(flatten)]
        which: filter::Which,
        #[command(flatten)]
        format: OutputArgs,
    },
    /// Show one dead letter with its message
    Show {
        /// Id of the dead letter
        id: String,
        /// Queue in which the message failed, or `unrouted`
        #[arg(long, default_value = WORKFLOWS)]
        queue: String,
        #[command(flatten)]
        format: OutputArgs,
    },
    /// Return dead letters to their work queue; a run resumes where it failed
    ///
    /// SIGINT or SIGTERM stops it between two of them: it says how many were replayed and how many are left.
    Replay {
        #[command(flatten)]
        work: act::Work,
        /// Work queue to replay to [default: the queue in which each message failed]
        #[arg(long, value_name = "QUEUE")]
        to: Option<String>,
        /// Also replay runs that carry out an approved plan: what is left of them counts as approved
        #[arg(long)]
        approved: bool,
        /// Only list the dead letters that would be replayed
        #[arg(long)]
        dry_run: bool,
        /// Only show what each run would still do, of at most 20 unless --limit says otherwise
        #[arg(long, conflicts_with_all = ["dry_run", "to"])]
        plan: bool,
    },
    /// Write dead letters to a file, one line of JSON each; they stay dead letters
    ///
    /// A line has everything: headers, properties, body, who wrote it, and with worker.key_file a signature. The file
    /// holds personal data: only its owner can read it.
    Export(transfer::Export),
    /// Put the dead letters of a file back into their queues
    ///
    /// Those that are there already are skipped, and lines that are broken are named by number. A file proves nothing
    /// without a signature: then a message of a worker is refused, and one of a publisher comes back without the
    /// publisher's rights.
    Import(transfer::Import),
    /// Delete dead letters permanently
    ///
    /// Asks first, and says how many. SIGINT or SIGTERM stops it between two of them.
    Discard {
        #[command(flatten)]
        work: act::Work,
        /// Discard without asking
        #[arg(long)]
        yes: bool,
        /// Only list the dead letters that would be discarded
        #[arg(long, conflicts_with = "yes")]
        dry_run: bool,
    },
}

pub async fn run(command: Command, config: Config) -> Result<ExitCode, CommandError> {
    match command {
        Command::List { which, format } => {
            let letters = list_of(&which, &config).await?;
            show::list(&letters, format.output).map(|()| ExitCode::SUCCESS)
        }
        Command::Count { which, format } => {
            let letters = list_of(&which, &config).await?;
            count::by_cause(&letters, format.output).map(|()| ExitCode::SUCCESS)
        }
        Command::Show { id, queue, format } => {
            let dead = DeadLetters::open(&config.broker()?, &queue).await?;
            let found = dead.get(&id).await;
            dead.close().await;
            match found? {
                Some((entry, message)) => {
                    show::one(&entry, &message, format.output).map(|()| ExitCode::SUCCESS)
                }
                None => Err(CommandError::Input(format!(
                    "queue {queue} has no dead letter with the id {id}; `gatehouse dead list` shows the ids"
                ))),
            }
        }
        Command::Replay { work, dry_run: true, .. } => act::dry_run(&work, "replayed", &config).await,
        Command::Replay { work, approved, plan: true, .. } => {
            Box::pin(plan::plan(&work, approved, &config)).await
        }
        Command::Replay { work, to, approved, .. } => {
            act::replay(&work, to.as_deref(), approved, &config).await
        }
        Command::Export(args) => transfer::export(args, &config).await,
        Command::Import(args) => transfer::import(args, &config).await,
        Command::Discard { work, dry_run: true, .. } => act::dry_run(&work, "discarded", &config).await,
        Command::Discard { work, yes, dry_run: false } => act::discard(&work, yes, &config).await,
    }
}

async fn list_of(which: &filter::Which, config: &Config) -> Result<Vec<show::Listed>, CommandError> {
    let dead = DeadLetters::open(&config.broker()?, &which.queue).await?;
    let letters = list::listed(&dead, which, Vec::new(), config).await;
    dead.close().await;
    letters
}
