//! A broker behind TLS that knows workers by their certificates and has no password for them.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test itself does")]

use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;

use msgraph_emulator::{Tenant, User};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use serde_json::json;
use system_tests::{BrokerNode, Testbed, events};

const GRACE: &str = "grace@contoso.example";
const WORKER: &str = "worker-of-contoso";
const WORKFLOWS: &str = "
offboarding:
  stages:
    - name: lock out
      steps: [disable_account]
";

/// Writes an authority, and the certificates and keys of the broker and of a worker, as PEM.
fn write_certificates(folder: &Path) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority = params.self_signed(&key).unwrap();
    std::fs::write(folder.join("authority.pem"), authority.pem()).unwrap();
    let issuer = Issuer::new(params, key);
    for (name, usage) in
        [("localhost", ExtendedKeyUsagePurpose::ServerAuth), (WORKER, ExtendedKeyUsagePurpose::ClientAuth)]
    {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![usage];
        let certificate = params.signed_by(&key, &issuer).unwrap();
        std::fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}

/// Makes a private node listen behind TLS to those alone who show a certificate, and returns its port.
async fn listen_behind_tls(node: &BrokerNode, folder: &Path) -> u16 {
    let home = node.home();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let folder = folder.display();
    let settings = format!(
        "listeners.ssl.1 = 127.0.0.1:{port}\n\
         ssl_options.cacertfile = {folder}/authority.pem\n\
         ssl_options.certfile = {folder}/localhost.pem\n\
         ssl_options.keyfile = {folder}/localhost.key\n\
         ssl_options.verify = verify_peer\n\
         ssl_options.fail_if_no_peer_cert = true\n\
         auth_mechanisms.1 = EXTERNAL\n\
         auth_mechanisms.2 = PLAIN\n\
         ssl_cert_login_from = common_name\n"
    );
    std::fs::write(home.join("conf.d/tls.conf"), settings).unwrap();
    // A private node has no plugins, but for what is linked.
    let server = home.join("rabbitmq/sbin").canonicalize().unwrap().with_file_name("plugins");
    for library in std::fs::read_dir(server).unwrap() {
        let name = library.as_ref().unwrap().file_name();
        if name.to_str().unwrap().starts_with("rabbitmq_auth_mechanism_ssl-") {
            symlink(library.unwrap().path(), home.join("rabbitmq/plugins").join(name)).unwrap();
        }
    }
    std::fs::write(home.join("enabled_plugins"), "[rabbitmq_auth_mechanism_ssl].\n").unwrap();
    node.restart(false).await;
    node.ctl(&["add_user", WORKER, "told-nobody"]).await;
    node.ctl(&["clear_password", WORKER]).await;
    node.ctl(&["set_permissions", WORKER, ".*", ".*", ".*"]).await;
    port
}

#[tokio::test]
async fn a_worker_whose_certificate_is_its_password_works_and_one_without_is_told() {
    let node = tokio::task::spawn_blocking(BrokerNode::private).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    write_certificates(folder.path());
    let port = listen_behind_tls(&node, folder.path()).await;
    let file = |name: &str| folder.path().join(name).display().to_string();
    let url = format!("amqps://localhost:{port}/%2f?auth_mechanism=external");
    let tenant = Tenant::empty().user(User::new(GRACE, "Grace Hopper"));
    let testbed = Testbed::with(tenant).workflows(WORKFLOWS).broker(node).set("BROKER__URL", url);
    let mut testbed = testbed.set("BROKER__CA_FILE", file("authority.pem")).build().await;

    let refused = testbed.gatehouse(&["topology", "show"]).await;
    assert_ne!(refused.code, Some(0), "{}", refused.stdout);
    assert!(refused.stderr.contains("that of broker.certificate_file?"), "{}", refused.stderr);

    testbed.set("BROKER__CERTIFICATE_FILE", file(&format!("{WORKER}.pem")));
    testbed.set("BROKER__CERTIFICATE_KEY_FILE", file(&format!("{WORKER}.key")));
    let worker = testbed.worker().await;
    let connections = testbed.broker.ctl(&["-q", "list_connections", "user", "auth_mechanism", "ssl"]).await;
    assert!(connections.contains(&format!("{WORKER}\tEXTERNAL\ttrue")), "{connections}");
    testbed.publisher.event(&events::offboarding("leave-1906", json!({ "upn": GRACE }))).await;
    let end = testbed.results.end_of("leave-1906").await;
    assert_eq!(end["state"], "succeeded", "{end}");
    testbed.drain([worker]).await;
    testbed.close().await;
}
