//! How a list is written: for people, for scripts, or for spreadsheets.

/// Output format of a list. The default is `human`, for a pipe as well.
#[derive(clap::Args, Clone, Copy)]
pub struct FormArgs {
    /// Output format
    #[arg(long, short, value_enum, default_value_t = Form::Human)]
    pub output: Form,
}

/// Output format of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// Lines of at most 80 columns
    Human,
    /// JSON, one document per line
    Json,
    /// A table for spreadsheets
    Csv,
}
