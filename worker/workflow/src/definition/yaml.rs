//! What is wrong with a file that is not YAML, in words of its author.

use serde_saphyr::Error;
use serde_saphyr::granit_parser::ErrorKind;
use serde_saphyr::localizer::ExternalMessageSource;

use super::mistake::{At, Mistake};
use super::node::at_or_start;

/// A template at the start of a value, which YAML takes for a map in a map.
pub(super) const UNQUOTED_TEMPLATE: &str = "a template must be in quotes: write \"{{ ... }}\"";

/// The mistake at which the library stopped reading.
pub(super) fn mistake(error: &Error, source: &str) -> Mistake {
    let at = at_or_start(error.location());
    let line = at.line.checked_sub(1).and_then(|index| usize::try_from(index).ok());
    let line = line.and_then(|index| source.lines().nth(index)).unwrap_or_default();
    let Error::ExternalMessage { source, .. } = error else {
        return Mistake::new(at, of_library(error));
    };
    match (source.as_ref(), unquoted_template(line)) {
        (ExternalMessageSource::Parser(_), Some(column)) => {
            Mistake::new(At { column, ..at }, UNQUOTED_TEMPLATE)
        }
        (ExternalMessageSource::Parser(error), None) => Mistake::new(at, of_parser(error.kind())),
        _ => Mistake::new(at, unreadable()),
    }
}

/// The column of a template that starts a value of this line and is in no quotes.
fn unquoted_template(line: &str) -> Option<u64> {
    let mut starts = line.match_indices("{{").filter_map(|(index, _)| line.get(..index));
    let before = starts.find(|before| before.trim_end().ends_with([':', '-', '[', ',']))?;
    u64::try_from(before.chars().count() + 1).ok()
}

fn unreadable() -> String {
    "this is not valid YAML".to_owned()
}

fn of_library(error: &Error) -> String {
    let text = match error {
        Error::AliasError { error, .. } => return of_library(error),
        Error::MultipleDocuments { .. } => "a file holds one document; remove the `---` above",
        Error::UnknownAnchor { .. } => "no anchor `&...` of this name is above the alias",
        Error::RecursiveReferencesRequireWeakTypes { .. } => "an anchor cannot contain an alias of itself",
        Error::MergeValueNotMapOrSeqOfMaps { .. } => "`<<` takes a map or a list of maps",
        Error::NonFiniteFloat { .. } => "expected a finite number",
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => "the file is too large or nested too deeply",
        _ => return unreadable(),
    };
    text.to_owned()
}

fn of_parser(kind: &ErrorKind) -> String {
    let text = match kind {
        ErrorKind::UnclosedFlowCollection { open } => return format!("this `{open}` is never closed"),
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            return format!("this `{close}` closes a `{open}`");
        }
        ErrorKind::UnexpectedCharacter { character } => {
            return format!("a text that starts with `{character}` must be in quotes");
        }
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabInPlainScalar
        | ErrorKind::TabAtBlockScalarStart => "use spaces instead of this tab",
        ErrorKind::UnexpectedEof
        | ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofImplicitFlowMapping
        | ErrorKind::UnexpectedEofBlockSequence
        | ErrorKind::UnexpectedEofBlockMapping => "the file ends in the middle of a value",
        ErrorKind::MisplacedFlowCollectionEnd => "this bracket closes nothing",
        ErrorKind::ExpectedFlowSequenceSeparator => "expected `,` or `]`",
        ErrorKind::ExpectedFlowMappingSeparator => "expected `,` or `}`",
        ErrorKind::UnclosedQuotedScalar => "this quote is never closed",
        ErrorKind::InvalidTrailingSingleQuotedScalar => {
            "text follows the closing quote; inside single quotes, write '' for a quote"
        }
        ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            "text follows the closing quote; inside double quotes, write \\\" for a quote"
        }
        ErrorKind::UnknownQuotedScalarEscape
        | ErrorKind::InvalidQuotedScalarHexEscape
        | ErrorKind::InvalidUnicodeEscape => {
            "unknown escape in double quotes; write \\\\ for a backslash, or use single quotes"
        }
        ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::ExpectedBlockSequenceEntry
        | ErrorKind::InvalidIndentation
        | ErrorKind::BlockSequenceEntryNotAllowed
        | ErrorKind::InvalidBlockScalarIndent
        | ErrorKind::InvalidQuotedScalarIndent
        | ErrorKind::InvalidFlowScalarIndent => {
            "the indentation does not match: all entries of one map or list start in the same column"
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            "expected a `:` after this name, or a text in quotes"
        }
        ErrorKind::MappingValueNotAllowed
        | ErrorKind::MappingKeyNotAllowed
        | ErrorKind::InvalidColonPlacement => {
            "this `:` starts a map here; put a text that has a `:` in quotes"
        }
        ErrorKind::UnknownAnchor => "no anchor `&...` of this name is above the alias",
        ErrorKind::RecursionLimitExceeded => "the file is too large or nested too deeply",
        _ => return unreadable(),
    };
    text.to_owned()
}
