//! The settings from their three sources, and what is said of mistakes.

use super::*;
use std::io::Write as _;

use msgraph::{Credential, SecretSource};

fn secret_of(settings: &msgraph::Settings) -> &str {
    match &settings.credential {
        Credential::Secret(SecretSource::Value(secret)) => secret.expose_secret(),
        other => panic!("{other:?}"),
    }
}

fn load(file: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let mut on_disk = tempfile::NamedTempFile::new().unwrap();
    on_disk.write_all(file.as_bytes()).unwrap();
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let environment =
        Environment::with_prefix("GATEHOUSE").prefix_separator("__").separator("__").source(Some(variables));
    Config::from_sources(Some(on_disk.path()), environment).map_err(|error| error.to_string())
}

const CONTOSO: &str = "[tenants.contoso]\ntenant_id = 't'\nclient_id = 'c'\nclient_secret = 'hunter2'\n";

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let config = load(
        "[worker]\nconcurrency = 3\ngrace_seconds = 4\n",
        &[
            ("GATEHOUSE__WORKER__CONCURRENCY", "5"),
            ("GATEHOUSE__TENANTS__CONTOSO__TENANT_ID", "t"),
            ("GATEHOUSE__TENANTS__CONTOSO__CLIENT_ID", "c"),
            ("GATEHOUSE__TENANTS__CONTOSO__CLIENT_SECRET", "0012"),
        ],
    )
    .unwrap();
    assert_eq!((config.concurrency(), config.worker.grace_seconds, config.retry.max_attempts), (5, 4, 12));
    let settings = config.tenant(&config.tenants["contoso"]);
    // What looks like a number keeps its zeros.
    assert_eq!(secret_of(&settings), "0012");
}

#[test]
fn no_secret_is_shown() {
    let config = load(CONTOSO, &[("GATEHOUSE__BROKER__URL", "amqp://u:swordfish@host")]).unwrap();
    let shown = format!("{} {config:?}", serde_json::to_string(&config).unwrap());
    assert!(!shown.contains("hunter2") && !shown.contains("swordfish"), "{shown}");
    assert!(shown.contains("********"));
}

#[test]
fn a_tenant_is_in_its_own_cloud_or_in_the_one_of_all_unless_an_address_says_otherwise() {
    let shared = "[graph]\ncloud = 'us_gov_l4'\n";
    let hosts = |file: &str| {
        let config = load(&format!("{file}{CONTOSO}"), &[]).unwrap();
        let settings = config.tenant(&config.tenants["contoso"]);
        (settings.login_url, settings.graph_url)
    };
    let pair = |login: &str, graph: &str| (format!("https://{login}"), format!("https://{graph}"));
    assert_eq!(hosts(""), pair("login.microsoftonline.com", "graph.microsoft.com"));
    assert_eq!(hosts(shared), pair("login.microsoftonline.us", "graph.microsoft.us"));
    let own = format!("{shared}[tenants.contoso]\ncloud = 'china'\n");
    let own = own + CONTOSO.trim_start_matches("[tenants.contoso]\n");
    let config = load(&own, &[]).unwrap();
    assert_eq!(
        config.tenant(&config.tenants["contoso"]).graph_url,
        "https://microsoftgraph.chinacloudapi.cn"
    );
    let elsewhere = format!("{shared}url = 'https://proxy.contoso.example'\n");
    assert_eq!(hosts(&elsewhere), pair("login.microsoftonline.us", "proxy.contoso.example"));
}

#[test]
fn a_mistake_is_named_with_what_to_do() {
    let rows = [
        ("[worker]\nconcurency = 3\n", "concurency"),
        ("[worker]\nconcurrency = 0\n", "concurrency"),
        ("[worker]\nconcurrency = 2000\n", "at most 1000"),
        ("[retry]\nmax_attempts = 0\n", "retry.max_attempts"),
        ("[log]\nformat = 'xml'\n", "xml"),
        (
            "[tenants.contoso]\ntenant_id = 't'\nclient_id = 'c'\n",
            "GATEHOUSE__TENANTS__CONTOSO__CLIENT_SECRET",
        ),
        ("[tenants.contoso]\nclient_id = 'c'\n", "tenant_id"),
        ("[graph]\ncloud = 'germany'\n", "us_gov_l4"),
    ];
    for (file, part) in rows {
        let error = load(file, &[]).unwrap_err();
        assert!(error.contains(part), "{file}: {error}");
    }
}

#[test]
fn a_secret_in_a_file_loses_its_line_end_only() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b" s3cret \r\n").unwrap();
    let text = secret("key", file.path(), &Secret::default()).unwrap();
    assert_eq!(text.expose_secret(), " s3cret ");
    let error = secret("broker.url_file", Path::new("/nowhere"), &Secret::default()).unwrap_err();
    assert!(error.to_string().starts_with("cannot read /nowhere (setting broker.url_file)"));
}

#[test]
fn every_setting_is_documented_with_its_variable() {
    let mut section = String::new();
    let mut comments: Vec<&str> = Vec::new();
    for line in DEFAULTS.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name.to_uppercase();
        } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            let variable = format!("# GATEHOUSE__{section}__{}", key.to_uppercase());
            assert_eq!(comments.last(), Some(&variable.as_str()), "{key}");
            assert!(comments.len() > 1, "{key} says what it means");
        }
        if line.starts_with('#') { comments.push(line) } else { comments.clear() }
    }
}
#[test]
fn every_key_of_a_tenant_is_documented_with_its_variable() {
    let (_, commented) = DEFAULTS.split_once("# [tenants.contoso]\n").unwrap();
    let (commented, _) = commented.split_once("\n\n").unwrap();
    let lines: Vec<_> = commented.lines().map(|line| line.trim_start_matches('#').trim_start()).collect();
    let mut table = String::from("[tenants.contoso]\n");
    let mut keys = std::collections::BTreeSet::new();
    for (index, line) in lines.iter().enumerate() {
        let variable =
            |key: &str| format!("GATEHOUSE__TENANTS__CONTOSO__{}", key.to_uppercase().replace('.', "__"));
        let key = line.split_once(" = ").map(|(key, _)| key).filter(|key| !key.contains(' '));
        if let Some(key) = key {
            assert_eq!(lines[index - 1].trim_start_matches("# "), variable(key));
            table.push_str(&format!("{line}\n"));
            keys.insert(key.to_owned());
        }
    }
    let sources = [DEFAULTS, table.as_str()].map(|text| File::from_str(text, FileFormat::Toml));
    let config: Config =
        config::Config::builder().add_source(sources.to_vec()).build().unwrap().try_deserialize().unwrap();
    let tenant = serde_json::to_value(&config.tenants["contoso"]).unwrap();
    let keys_of = |value: &serde_json::Value, before: &str| -> Vec<String> {
        value.as_object().unwrap().keys().map(|key| format!("{before}{key}")).collect()
    };
    let mut expected = keys_of(&tenant, "");
    for table in ["brake", "mail", "protected", "sync"] {
        expected.retain(|key| key != table);
        expected.extend(keys_of(&tenant[table], &format!("{table}.")));
    }
    assert_eq!(keys, expected.into_iter().collect());
}

#[test]
fn a_publisher_is_documented_and_a_table_that_makes_no_sense_is_refused_by_its_name() {
    let (_, commented) = DEFAULTS.split_once("# [publishers.hr]\n").unwrap();
    let lines: Vec<_> = commented.lines().map(|line| line.trim_start_matches("# ")).collect();
    let mut table = String::from("[publishers.hr]\n");
    for pair in lines.windows(2) {
        if let Some((key, _)) = pair[1].split_once(" = ") {
            assert_eq!(pair[0], format!("GATEHOUSE__PUBLISHERS__HR__{}", key.to_uppercase()));
            table.push_str(&format!("{}\n", pair[1]));
        }
    }
    let config = load(&format!("{CONTOSO}{table}"), &[]).unwrap();
    let shown = serde_json::to_value(&config.publishers["hr"]).unwrap();
    assert_eq!(shown.as_object().unwrap().len(), table.lines().count() - 1, "{shown}");
    assert_eq!(config.publishers().unwrap().count(), 1);
    for (table, why) in [
        ("", "publishers.hr needs either `user`"),
        ("user = 'hr'\nexchange = true", "publishers.hr needs either `user`"),
        (
            "user = 'hr'\ntypes = ['hire']",
            "publishers.hr.types: there is no event `hire`; use onboarding.requested",
        ),
        ("user = 'hr'\ntenants = ['fabrikam']", "publishers.hr.tenants: there is no tenant `fabrikam`"),
        ("user = 'hr'\nsources = ['*/hr']", "publishers.hr.sources: `*/hr` is no pattern"),
        ("user = 'hr'\n[publishers.other]\nuser = 'hr'", "have the same broker user"),
        ("usr = 'hr'", "unknown field `usr`"),
    ] {
        let error = load(&format!("{CONTOSO}[publishers.hr]\n{table}\n"), &[]).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn a_tenant_has_the_protected_people_of_all_or_its_own() {
    let of = |variables: &[(&str, &str)]| {
        let config = load(CONTOSO, variables).map_err(|error| error.clone())?;
        Ok::<_, String>(config.protected.people("contoso", config.tenants["contoso"].protected()).unwrap())
    };
    let expected = |people: &[&str], roles: &[&str]| {
        let [people, roles] =
            [people, roles].map(|list| list.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        Ok(actions::ProtectedPeople::new(&people, &[], &roles).unwrap())
    };
    let usual = ["Global Administrator", "Privileged Role Administrator"];
    assert_eq!(of(&[]), expected(&[], &usual));
    let people = ("GATEHOUSE__PROTECTED__PEOPLE", "ada@contoso.example, grace@contoso.example");
    assert_eq!(of(&[people]), expected(&["ada@contoso.example", "grace@contoso.example"], &usual));
    let own = ("GATEHOUSE__TENANTS__CONTOSO__PROTECTED__PEOPLE", "edsger@contoso.example");
    assert_eq!(of(&[people, own]), expected(&["edsger@contoso.example"], &usual));
    assert_eq!(of(&[("GATEHOUSE__PROTECTED__ROLES", "")]), expected(&[], &[]));
    let error = of(&[("GATEHOUSE__PROTECTED__ROLES", "Global Admin")]).unwrap_err();
    assert!(error.contains("protected (tenant contoso): roles: `Global Admin` is not known"), "{error}");
}

#[test]
fn the_brake_is_on_unless_somebody_says_off() {
    let of = |variables: &[(&str, &str)]| {
        let config = load(CONTOSO, variables)?;
        Ok::<_, String>(config.brakes()["contoso"].limit())
    };
    let limit = |value| of(&[("GATEHOUSE__TENANTS__CONTOSO__BRAKE__LIMIT", value)]);
    assert_eq!(of(&[]), Ok(brake::Limit::Auto));
    assert_eq!(limit("auto"), Ok(brake::Limit::Auto));
    assert_eq!(limit("3"), Ok(brake::Limit::Of(3)));
    assert_eq!(limit("off"), Ok(brake::Limit::Off));
    let says_so = |value| {
        let off = ("GATEHOUSE__TENANTS__CONTOSO__BRAKE__LIMIT", value);
        load(CONTOSO, &[off]).unwrap().weaknesses().iter().any(|said| said.contains("brake.limit is off"))
    };
    assert!(says_so("off") && !says_so("0"));
    let in_a_file = load(&format!("{CONTOSO}brake.limit = 7\n"), &[]).unwrap();
    assert_eq!(in_a_file.brakes()["contoso"].limit(), brake::Limit::Of(7));
    assert!(limit("2 %").unwrap_err().contains("a number, `auto` or `off`"));
    for (key, value, why) in [
        ("WINDOW", "32d", "tenants.contoso.brake.window must be at most 31d"),
        ("FIRST_DELAY", "20m", "tenants.contoso.brake.first_delay must not be longer"),
        ("MAX_DELAY", "1h", "tenants.contoso.brake.max_delay must be at most 15m"),
    ] {
        let error = of(&[(&format!("GATEHOUSE__TENANTS__CONTOSO__BRAKE__{key}"), value)]).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn an_unencrypted_way_to_another_machine_has_to_be_allowed_in_writing() {
    let remote = ("GATEHOUSE__BROKER__URL", "amqp://u:swordfish@rabbit.contoso.example");
    let refused = load(CONTOSO, &[remote]).unwrap().broker().unwrap_err().to_string();
    assert!(refused.contains("rabbit.contoso.example unencrypted; use amqps://"), "{refused}");
    assert!(!refused.contains("swordfish"), "{refused}");
    let allowed = load(CONTOSO, &[remote, ("GATEHOUSE__BROKER__UNENCRYPTED", "true")]).unwrap();
    assert!(allowed.broker().is_ok());
    let encrypted = ("GATEHOUSE__BROKER__URL", "amqps://u:swordfish@rabbit.contoso.example");
    assert!(load(CONTOSO, &[encrypted]).unwrap().broker().is_ok());
}

#[test]
fn more_than_the_whole_of_microsofts_limits_is_for_an_emulator_only() {
    let load = |url: &str, share: &str| {
        load(CONTOSO, &[("GATEHOUSE__GRAPH__URL", url), ("GATEHOUSE__GRAPH__LIMITS_SHARE", share)]).map(drop)
    };
    assert_eq!(load("", "1.0"), Ok(()));
    assert_eq!(load("", "auto"), Ok(()));
    assert_eq!(load("http://127.0.0.1:8080", "1000.0"), Ok(()));
    for (url, share) in
        [("", "1.1"), ("https://graph.contoso.example", "2.0"), ("http://127.0.0.1:1", "1001.0")]
    {
        assert!(
            load(url, share).unwrap_err().contains("graph.limits_share must be `auto`, or above 0"),
            "{url} {share}"
        );
    }
    let misspelt = load("", "automatic").unwrap_err();
    assert!(misspelt.contains("graph.limits_share is `automatic`; give `auto` or a number"), "{misspelt}");
}

#[test]
fn a_file_of_a_secret_that_others_can_access_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().display().to_string();
    for setting in [
        "worker.key_file",
        "broker.url_file",
        "broker.certificate_key_file",
        "tenants.contoso.sync.pseudonym_key_file",
    ] {
        let variable = format!("GATEHOUSE__{}", setting.to_uppercase().replace('.', "__"));
        let said = |mode: u32| {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let all = load(CONTOSO, &[(variable.as_str(), path.as_str())]).unwrap().weaknesses();
            all.into_iter().find(|said| said.starts_with(setting) && said.contains("other users"))
        };
        assert_eq!(said(0o600), None);
        assert!(said(0o640).is_some() && said(0o604).is_some(), "{setting}");
        assert!(said(0o644).unwrap().ends_with(&format!("run `chmod 600 {path}`")), "{setting}");
    }
}
