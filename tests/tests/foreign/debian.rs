//! The Debian package: what lintian says of it, and what is on a machine after it was installed, removed and purged.

use system_tests::repository;
use system_tests::worker_process::path_of;
use tempfile::TempDir;
use tokio::process::Command;

use crate::run;

/// The package of the binary that was built with this test.
async fn package(folder: &TempDir) -> String {
    let mut build = Command::new(repository::root().join("deploy/debian/build"));
    // A binary with its debug information takes minutes to compress well.
    build.arg(path_of("gatehouse")).arg(folder.path()).env("DPKG_DEB_COMPRESSOR_LEVEL", "0");
    build.env("DEBFULLNAME", "Grace Hopper").env("DEBEMAIL", "grace@contoso.example");
    run(build, "").await.trim_end().to_owned()
}

#[tokio::test]
async fn the_package_is_in_order_and_leaves_nothing_behind() {
    let folder = TempDir::new().unwrap();
    let package = package(&folder).await;
    let mut fields = Command::new("dpkg-deb");
    fields.args(["--show", "--showformat=${Package} ${Version}"]).arg(&package);
    assert_eq!(run(fields, "").await, concat!("gatehouse ", env!("CARGO_PKG_VERSION")));

    // It says nothing at all where nothing is wrong.
    let mut lintian = Command::new("lintian");
    lintian.args(["--allow-root", "--fail-on", "error,warning"]).arg(&package);
    assert_eq!(run(lintian, "").await, "");

    let mut install = Command::new(repository::root().join("tests/tests/foreign/debian/install"));
    install.arg(&package);
    let said = run(install, "").await;
    assert!(said.starts_with("nothing is left; exposure 1."), "{said}");
}
