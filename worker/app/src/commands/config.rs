//! `gatehouse config show`: the effective settings, with secrets masked.

use std::process::ExitCode;

use super::{CommandError, OutputArgs};
use crate::print::{self, Format};
use crate::settings::error::ConfigError;
use crate::settings::{Config, DEFAULTS};

/// Shows the settings.
#[derive(clap::Subcommand)]
#[command(after_help = "\
Examples:
  gatehouse config show
  gatehouse config show --defaults > gatehouse.toml")]
pub enum Command {
    /// Show the effective settings; secrets are masked
    Show {
        /// Show the defaults instead: every setting with its meaning, unit and variable
        #[arg(long)]
        defaults: bool,
        #[command(flatten)]
        format: OutputArgs,
    },
}

pub fn run(
    command: Command,
    config: impl Fn() -> Result<Config, ConfigError>,
) -> Result<ExitCode, CommandError> {
    let Command::Show { defaults, format } = command;
    if defaults {
        print::lines(DEFAULTS.trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    let config = config()?;
    if format.output == Format::Json {
        print::json(&config)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = print::table(&["Setting", "Value"]);
    let value = serde_json::to_value(&config).map_err(|error| CommandError::Input(error.to_string()))?;
    for (key, value) in flattened("", &value) {
        table.add_row([key, value].map(print::cell));
    }
    print::show(table)?;
    Ok(ExitCode::SUCCESS)
}

fn flattened(prefix: &str, value: &serde_json::Value) -> Vec<(String, String)> {
    match value {
        serde_json::Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| {
                let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                flattened(&key, value)
            })
            .collect(),
        serde_json::Value::String(text) => vec![(prefix.to_owned(), text.clone())],
        other => vec![(prefix.to_owned(), other.to_string())],
    }
}
