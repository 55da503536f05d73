//! `gatehouse workflow ...`: checks and explains workflows.

use std::path::PathBuf;
use std::process::ExitCode;

use outcome::OnFailure;
use workflow::definition::Definition;
use workflow::{Definitions, digest};

use super::{CommandError, OutputArgs};
use crate::print::{self, Format};
use crate::settings::Config;

/// Checks and explains workflows.
#[derive(clap::Subcommand)]
#[command(after_help = "\
Examples:
  gatehouse workflow check ours.yaml
  gatehouse workflow show
  gatehouse workflow show offboarding")]
pub enum Command {
    /// Check a file of workflows and name every mistake with its line and column
    ///
    /// Checked are the form of the file, the names of actions, parameters, filters and lookups, expressions, and each
    /// parameter that is no template. Editors check most of it while you type: `gatehouse schema workflows` prints the
    /// JSON Schema of these files.
    Check {
        /// The file, or - for standard input
        file: PathBuf,
    },
    /// Explain one workflow, or list all of them
    Show {
        /// Name of the workflow
        name: Option<String>,
        #[command(flatten)]
        format: OutputArgs,
    },
}

pub fn run(command: Command, config: Config) -> Result<ExitCode, CommandError> {
    match command {
        Command::Check { file } => check(&file),
        Command::Show { name, format } => {
            let definitions = super::definitions(config.workflows.file())?;
            match name {
                Some(name) => show(&definitions, &name, format.output),
                None => list(&definitions, format.output),
            }
        }
    }
}

fn check(file: &std::path::Path) -> Result<ExitCode, CommandError> {
    let source = super::read(file)?;
    let read = Definitions::read(&file.display().to_string(), &source, &super::roster());
    match &read {
        Ok(definitions) => {
            let names: Vec<_> = definitions.iter().map(|definition| definition.name.as_str()).collect();
            print::lines(&format!("{}: fine ({})", file.display(), names.join(", ")))?;
        }
        Err(mistakes) => print::lines(&mistakes.to_string())?,
    }
    Ok(super::verdict(read.is_ok()))
}

fn list(definitions: &Definitions, format: Format) -> Result<ExitCode, CommandError> {
    if format == Format::Json {
        print::json(definitions)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = print::table(&["Workflow", "Stages", "Steps", "What it does"]);
    for definition in definitions.iter() {
        let steps: usize = definition.stages.iter().map(|stage| stage.steps.len()).sum();
        let what = definition.description.as_deref().unwrap_or("-");
        let row = [&definition.name, &definition.stages.len().to_string(), &steps.to_string(), what];
        table.add_row(row.map(print::cell));
    }
    print::show(table)?;
    Ok(ExitCode::SUCCESS)
}

fn show(definitions: &Definitions, name: &str, format: Format) -> Result<ExitCode, CommandError> {
    let definition = definitions.get(name).ok_or_else(|| {
        let known: Vec<_> = definitions.iter().map(|definition| definition.name.as_str()).collect();
        CommandError::Input(format!("there is no workflow `{name}`; known: {}", known.join(", ")))
    })?;
    if format == Format::Json {
        print::json(definition)?;
    } else {
        print::lines(&explained(definition))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn explained(definition: &Definition) -> String {
    let entries = actions::roster();
    let names = definition.stages.iter().flat_map(|stage| stage.steps.iter().map(|step| step.name.len()));
    let parameters = definition.parameters.iter().flatten().map(|parameter| parameter.name.len());
    let width = names.chain(parameters).max().unwrap_or_default();
    let mut text = definition.name.clone();
    if let Some(description) = &definition.description {
        text.push_str(&format!(": {description}"));
    }
    let events = if definition.events.is_empty() { &definition.name } else { &definition.events.join(", ") };
    text.push_str(&format!("\nFor events: {events}"));
    for parameter in definition.parameters.iter().flatten() {
        let what = parameter.description.as_deref().unwrap_or_default();
        text.push_str(&format!("\n   {:<width$}  {}  {what}", parameter.name, parameter.kind.as_str()));
        if let Some(default) = &parameter.default {
            text.push_str(&format!("\n   {:<width$}  default {default}", ""));
        }
    }
    for (number, stage) in (1..).zip(&definition.stages) {
        text.push_str(&format!("\n\n{number}. {}", stage.name));
        if let Some(when) = &stage.when {
            text.push_str(&format!(" (only if {when})"));
        }
        if let Some(after) = stage.after {
            text.push_str(&format!(" ({after} after the stage before it)"));
        }
        if stage.on_failure == OnFailure::Continue {
            text.push_str(" (the run continues if a step fails)");
        }
        if !stage.needs.is_empty() {
            text.push_str(&format!(" (only if none of these has failed: {})", stage.needs.join(", ")));
        }
        for step in &stage.steps {
            let entry = entries.iter().find(|entry| entry.name == step.action);
            let what = entry.map_or("", |entry| entry.makes_true);
            text.push_str(&format!("\n   {:<width$}  {what}", step.name));
            if let Some(when) = &step.when {
                text.push_str(&format!("\n   {:<width$}  only if {when}", ""));
            }
            for (name, value) in &step.params {
                text.push_str(&format!("\n   {:<width$}  {name} = {value}", ""));
            }
        }
    }
    text.push_str(&format!("\n\n{}", digest::of_definition(definition)));
    text
}
