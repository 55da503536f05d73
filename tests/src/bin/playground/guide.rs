//! What the playground prints, and the settings file it prints the path of.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// How to use a playground from another terminal.
pub struct Guide {
    /// The settings file.
    pub config: PathBuf,
    /// The folder of the binaries.
    pub binaries: PathBuf,
    /// The first event.
    pub hire: PathBuf,
    /// The event of a leaver.
    pub leaver: PathBuf,
    /// The address of the tenant.
    pub tenant: String,
    /// The address of the worker's metrics.
    pub admin: String,
}

impl fmt::Display for Guide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\
Gatehouse playground: a worker, RabbitMQ, and Contoso, an emulated tenant.
Everything runs on this machine and ends with Ctrl-C.

1. In another terminal, point `gatehouse` at the playground:

export GATEHOUSE_CONFIG={config}
export PATH={binaries}:\"$PATH\"

2. Onboard Ada. The command prints each step and ends with `succeeded`:

gatehouse publish --wait {hire}

3. See what offboarding Edsger would change, without changing anything:

gatehouse plan {leaver}

Then edit the two files, or write events of your own: give each a new `id`.

  gatehouse dead list                   failed runs, to replay or discard
  gatehouse workflow show onboarding    the steps of a workflow
  curl {journal:<42} every request to the tenant
  curl {metrics:<42} metrics of the worker

Press Ctrl-C to stop and remove everything.",
            config = quoted(&self.config),
            binaries = quoted(&self.binaries),
            hire = quoted(&self.hire),
            leaver = quoted(&self.leaver),
            journal = format!("{}/_emulator/journal", self.tenant),
            metrics = format!("http://{}/metrics", self.admin),
        )
    }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    if is_plain { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// Settings as a file for `GATEHOUSE_CONFIG`: the variable of `section.key` is `GATEHOUSE__SECTION__KEY`.
pub fn toml(settings: &[(String, String)]) -> String {
    let lines = settings.iter().map(|(name, value)| {
        let key = name.trim_start_matches("GATEHOUSE__").to_lowercase().replace("__", ".");
        format!("{key} = {}\n", Value::from(value.as_str()))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use system_tests::settings::setting;

    use super::*;

    #[test]
    fn settings_become_lines_of_toml() {
        let settings =
            [setting("BROKER__URL", "amqp://a:b@c/%2f"), setting("TENANTS__CONTOSO__CLIENT_ID", "d")];
        assert_eq!(toml(&settings), "broker.url = \"amqp://a:b@c/%2f\"\ntenants.contoso.client_id = \"d\"\n");
    }

    #[test]
    fn a_path_with_a_space_is_quoted() {
        assert_eq!(quoted(Path::new("/tmp/a.json")), "/tmp/a.json");
        assert_eq!(quoted(Path::new("/tmp/Ada's files")), r"'/tmp/Ada'\''s files'");
    }
}
