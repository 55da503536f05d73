//! The scripts that prepare a machine leave it as it was, and say what it lacks.

#![expect(clippy::unwrap_used, reason = "a test that meets something unexpected fails")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use system_tests::repository;
use tempfile::TempDir;

const FOREIGN: &str = "#!/bin/sh\nexit 104\n";

/// A machine whose apt-get is a script of the test.
struct Machine {
    folder: TempDir,
}

impl Machine {
    fn new(apt_get: &str) -> Self {
        let machine = Self { folder: TempDir::new().unwrap() };
        fs::create_dir(machine.path("bin")).unwrap();
        fs::create_dir(machine.path("etc")).unwrap();
        machine.program("apt-get", apt_get);
        machine.program("id", "echo 0");
        machine.program("systemctl", ":");
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\ncd '{}'\n{script}\n", self.folder.path().display())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn script(&self, script: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(repository::root().join("deploy").join(script));
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", self.path("bin").display());
        command.args(arguments).env_clear().env("PATH", path).env("POLICY_RC_D", self.policy());
        command.env("TMPDIR", self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn install(&self) -> Command {
        self.script("install-package", &["something"])
    }

    fn policy(&self) -> PathBuf {
        self.path("etc").join("policy-rc.d")
    }

    /// The policy and what is beside it; each run must leave just what it found.
    fn etc(&self) -> Vec<(String, String)> {
        let files = fs::read_dir(self.path("etc")).unwrap().map(|entry| entry.unwrap().path());
        let name = |path: &Path| path.file_name().unwrap().display().to_string();
        files.map(|path| (name(&path), fs::read_to_string(&path).unwrap())).collect()
    }
}

fn ended(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The policy in place while packages are installed, written down by apt-get itself.
const SEEN: &str = "cat etc/policy-rc.d >>seen; echo \"$1\" >>calls";

#[test]
fn no_service_may_start_meanwhile_and_two_runs_at_once_leave_nothing() {
    let machine = Machine::new(SEEN);
    let runs: Vec<_> = (0..4).map(|_| machine.install().spawn().unwrap()).collect();
    for run in runs {
        let (code, said) = ended(&run.wait_with_output().unwrap());
        assert_eq!(code, Some(0), "{said}");
    }
    let seen = fs::read_to_string(machine.path("seen")).unwrap();
    assert_eq!(seen.matches("\nexit 101\n").count(), 4, "{seen}");
    assert!(machine.etc().is_empty(), "{:?}", machine.etc());
}

#[test]
fn the_machines_own_policy_survives_a_run_that_is_killed() {
    for own in [None, Some(FOREIGN)] {
        let machine = Machine::new("kill -KILL \"$PPID\"");
        if let Some(own) = own {
            fs::write(machine.policy(), own).unwrap();
        }
        assert_eq!(machine.install().output().unwrap().status.code(), None);
        assert!(fs::read_to_string(machine.policy()).unwrap().contains("exit 101"), "nothing to put right");
        machine.program("apt-get", SEEN);
        let (code, said) = ended(&machine.install().output().unwrap());
        assert_eq!(code, Some(0), "{said}");
        let left: Vec<_> = own.into_iter().map(|own| ("policy-rc.d".to_owned(), own.to_owned())).collect();
        assert_eq!(machine.etc(), left);
    }
}

#[test]
fn package_lists_that_another_program_has_locked_are_waited_for() {
    let machine = Machine::new(
        "echo \"$1\" >>calls
         case $1 in
             install) test -e updated || { echo 'E: Unable to locate package'; exit 100; } ;;
             update) test -e once || { touch once; echo 'E: Could not get lock /var/lib/apt/lists/lock.'; exit 100; }
                 touch updated ;;
         esac",
    );
    let (code, said) = ended(&machine.install().output().unwrap());
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("another program uses apt; waiting up to 300 s"), "{said}");
    let calls = fs::read_to_string(machine.path("calls")).unwrap();
    assert_eq!(calls, "install\nupdate\nupdate\ninstall\n");
}

#[test]
fn without_a_network_apt_says_why_in_its_own_words() {
    let machine = Machine::new(
        "case $1 in
             install) echo 'E: Unable to locate package something'; exit 100 ;;
             update) echo 'Err:1 http://deb.example bookworm InRelease'
                 echo \"  Temporary failure resolving 'deb.example'\" ;;
         esac",
    );
    let (code, said) = ended(&machine.install().output().unwrap());
    assert_eq!(code, Some(69), "{said}");
    for words in ["Temporary failure resolving 'deb.example'", "Unable to locate package something"] {
        assert!(said.contains(words), "{said}");
    }
    assert!(machine.etc().is_empty(), "{:?}", machine.etc());
}

#[test]
fn all_that_a_machine_lacks_is_named_at_once() {
    let machine = Machine::new("exit 100");
    machine.program("cc", "exit 1");
    let mut command = machine.script("check-machine", &["--broker"]);
    command.env("AMQP_URL", "amqp://127.0.0.1:1/%2f").env("SSL_CERT_FILE", machine.path("no-certificates"));
    let (code, said) = ended(&command.output().unwrap());
    assert_eq!(code, Some(69), "{said}");
    let install = "apt-get install gcc libc6-dev ca-certificates";
    for lacking in ["a C compiler with its headers", "certificates of authorities", "AMQP_URL", install] {
        assert!(said.contains(lacking), "{lacking}: {said}");
    }
}
