//! The Helm chart as Helm renders it: what was reviewed, what Kubernetes and its extensions accept, and settings that
//! Gatehouse knows. `GATEHOUSE_BLESS=1 make test-foreign` writes the renderings anew.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use system_tests::repository;
use system_tests::worker_process::gatehouse;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::run;
use crate::sdks::prepared;

/// The sets of values in `deploy/chart/ci`.
const SETS: [&str; 3] = ["identity", "scaled", "small"];
/// Where containers find the files of Secrets and the settings.
const SECRETS: &str = "/run/secrets/gatehouse/";
const SETTINGS: &str = "/etc/gatehouse/";
/// What the chart needs at least.
const LEAST: &str =
    "broker: { url: { secret: a } }\ntenants: { a: { tenantId: a, clientId: a, workloadIdentity: true } }\n";

fn renderer() -> Command {
    let mut python = Command::new(prepared("FOREIGN_PYTHON"));
    python.arg(repository::root().join("tests/tests/foreign/chart/render.py"));
    python.arg(repository::root().join("deploy/chart"));
    python
}

fn acceptor() -> Command {
    let mut node = Command::new("node");
    node.arg(prepared("FOREIGN_CHART").join("accept.mjs"));
    node
}

/// The chart with these values, or why Helm refuses them.
async fn render(values: &str) -> Result<Value, String> {
    let printed: Value = serde_json::from_str(&run(renderer(), values).await).unwrap();
    printed["refused"].as_str().map_or(Ok(printed.clone()), |refused| Err(refused.to_owned()))
}

/// The chart with one of the sets.
async fn rendered(set: &str) -> Value {
    render(&repository::text(&format!("deploy/chart/ci/{set}.yaml"))).await.unwrap()
}

/// Whether a program accepts its input.
pub(crate) async fn accepts(mut program: Command, input: &str) -> bool {
    program.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = program.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
    let ended = tokio::time::timeout(system_tests::results::PATIENCE, child.wait()).await;
    ended.unwrap().unwrap().success()
}

/// The objects of a rendering of which this is true.
fn objects(rendered: &Value, is_wanted: impl Fn(&Value) -> bool) -> Vec<&Value> {
    rendered["objects"].as_array().unwrap().iter().filter(|object| is_wanted(object)).collect()
}

/// Those of this kind.
fn of_kind<'a>(rendered: &'a Value, kind: &str) -> Vec<&'a Value> {
    objects(rendered, |object| object["kind"] == kind)
}

/// Those that the schemas of Kubernetes do not know.
fn of_extensions(rendered: &Value) -> Vec<&Value> {
    let is_foreign = |version: &str| version.starts_with("keda.") || version.starts_with("monitoring.");
    objects(rendered, |object| is_foreign(object["apiVersion"].as_str().unwrap()))
}

#[tokio::test]
async fn the_chart_renders_what_was_reviewed_and_everybody_accepts_it() {
    let sets = std::fs::read_dir(repository::root().join("deploy/chart/ci")).unwrap();
    let sets = sets.map(|set| set.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
    assert_eq!(sets.collect::<BTreeSet<_>>(), SETS.map(str::to_owned).into());
    for set in SETS {
        let rendered = rendered(set).await;
        let golden = format!("tests/tests/foreign/chart/{set}.yaml");
        repository::golden(&golden, rendered["text"].as_str().unwrap());
        let foreign = of_extensions(&rendered);
        let accepted = run(acceptor(), &json!(foreign).to_string()).await;
        assert_eq!(accepted.lines().count(), foreign.len(), "{accepted}");
    }
}

#[tokio::test]
async fn those_who_accept_the_chart_refuse_what_is_wrong() {
    let toleration = format!("{LEAST}tolerations: [{{ key: 5 }}]");
    assert!(!accepts(renderer(), &toleration).await, "Kubernetes has no toleration of a number");

    let rendered = rendered("scaled").await;
    let mut foreign = json!(of_extensions(&rendered));
    assert!(accepts(acceptor(), &foreign.to_string()).await);
    let is_scaled = |object: &&mut Value| object["kind"] == "ScaledObject";
    let scaled = foreign.as_array_mut().unwrap().iter_mut().find(is_scaled).unwrap();
    scaled["spec"]["triggers"][0]["metadata"]["value"] = json!(50);
    assert!(!accepts(acceptor(), &foreign.to_string()).await, "KEDA takes the number as a text");
}

#[tokio::test]
async fn helm_refuses_wrong_values_and_says_why() {
    assert!(render(LEAST).await.is_ok());
    let wrong = [
        ("workflow: { replicas: 3 }", "additional properties 'workflow' not allowed"),
        ("workflows: { replicas: \"3\" }", "at '/workflows/replicas': got string, want integer"),
        ("broker: { url: { secret: a, value: secret } }", "additional properties 'value' not allowed"),
        ("broker: { url: { secret: \"\" } }", "broker.url.secret names no Secret"),
        ("broker: { url: { secret: a }, tls: { certificate: { secret: a } } }", "give both or none"),
        ("topology: { apply: true }", "topology.url.secret names no Secret"),
        ("tenants: { a: { tenantId: a, clientId: a } }", "tenants.a has 0 credentials"),
        ("workflows: { scaling: { enabled: true, min: 5 } }", "workflows.scaling.min is more than"),
        ("existingConfigMap: a\nsettings: b", "existingConfigMap takes the place of settings and files"),
    ];
    for (values, why) in wrong {
        let key = values.split(':').next().unwrap();
        let others = LEAST.lines().filter(|line| !line.starts_with(key));
        let values = others.chain([values]).collect::<Vec<_>>().join("\n");
        let refused = render(&values).await.err().unwrap_or_default();
        assert!(refused.contains(why), "{values}: {refused}");
    }
}

#[tokio::test]
async fn the_rules_of_the_chart_are_those_of_the_file() {
    let file: Value = serde_saphyr::from_str(&repository::text("deploy/prometheus/alerts.yaml")).unwrap();
    assert!(!file["groups"].as_array().unwrap().is_empty());
    let with = |prefix: &str| {
        format!("{LEAST}prometheusRule: {{ enabled: true }}")
            .replace("broker: {", &format!("broker: {{ prefix: {prefix},"))
    };
    let rendered = render(&with("gatehouse")).await.unwrap();
    assert_eq!(of_kind(&rendered, "PrometheusRule")[0]["spec"], file);

    // Of another prefix all names of queues have another beginning, and nothing else changes.
    let rendered = render(&with("acme.people")).await.unwrap();
    let spec = of_kind(&rendered, "PrometheusRule")[0]["spec"].to_string();
    let back = spec.replace(r"acme\\\\.people\\\\.", r"gatehouse\\\\.").replace("acme.people.", "gatehouse.");
    assert_eq!(back, file.to_string());
    assert!(!spec.contains(r"gatehouse\\\\.") && !spec.contains(r#""gatehouse."#), "{spec}");
}

/// A container of a rendering, with what its pod has.
struct Container<'a> {
    pod: &'a Value,
    variables: Vec<(String, String)>,
    arguments: Vec<String>,
}

impl<'a> Container<'a> {
    fn of(object: &'a Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let pod = &object["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        let variables = container["env"].as_array().unwrap().iter();
        let arguments = container["args"].as_array().unwrap().iter();
        Self {
            pod,
            variables: variables.map(|entry| (text(&entry["name"]), text(&entry["value"]))).collect(),
            arguments: arguments.map(text).collect(),
        }
    }

    /// The variables, with the files that they name in this folder.
    fn at_home(&self, folder: &Path) -> Vec<(String, String)> {
        let at_home = |(name, value): &(String, String)| {
            let is_known = name.starts_with("GATEHOUSE__") || name == "GATEHOUSE_CONFIG";
            assert!(is_known || !name.starts_with("GATEHOUSE"), "{name}");
            let home = format!("{}/", folder.display());
            (name.clone(), value.replace(SETTINGS, &home).replace(SECRETS, &home))
        };
        self.variables.iter().map(at_home).collect()
    }

    /// The settings that Gatehouse makes of the variables and of the settings' file. Unknown settings are an error.
    async fn settings(&self, folder: &Path) -> Value {
        let shown = gatehouse(&["config", "show", "--output", "json"], &self.at_home(folder)).await.ok();
        let arguments: Vec<_> = self.arguments.iter().map(String::as_str).chain(["--help"]).collect();
        gatehouse(&arguments, &[]).await.ok();
        serde_json::from_str(&shown).unwrap()
    }

    /// The files of Secrets that settings name.
    fn named_files(&self) -> BTreeSet<String> {
        let files = self.variables.iter().filter_map(|(_, value)| value.strip_prefix(SECRETS));
        files.map(str::to_owned).collect()
    }

    /// Those that are mounted.
    fn mounted_files(&self) -> BTreeSet<String> {
        let sources = self.pod["volumes"][0]["projected"]["sources"].as_array().unwrap().iter();
        let path = |source: &Value| {
            let paths = [&source["secret"]["items"][0]["path"], &source["serviceAccountToken"]["path"]];
            paths.into_iter().find_map(Value::as_str).unwrap().to_owned()
        };
        sources.map(path).collect()
    }
}

/// Writes the files that the chart has for containers into this folder; those of an existing ConfigMap are empty.
fn write_files(rendered: &Value, folder: &Path) {
    std::fs::write(folder.join("gatehouse.toml"), "").unwrap();
    for map in of_kind(rendered, "ConfigMap") {
        for (name, text) in map["data"].as_object().unwrap() {
            std::fs::write(folder.join(name), text.as_str().unwrap()).unwrap();
        }
    }
}

#[tokio::test]
async fn every_setting_of_the_chart_is_one_of_gatehouse_and_means_what_the_pod_needs() {
    for set in SETS {
        let rendered = rendered(set).await;
        let folder = tempfile::TempDir::new().unwrap();
        write_files(&rendered, folder.path());
        for object in of_kind(&rendered, "Deployment") {
            let worker = Container::of(object);
            let settings = worker.settings(folder.path()).await;
            let grace = settings["worker"]["grace_seconds"].as_u64().unwrap();
            assert_eq!(worker.pod["terminationGracePeriodSeconds"], grace + 10, "{set}");
            let port = &worker.pod["containers"][0]["ports"][0]["containerPort"];
            assert_eq!(settings["admin"]["listen"], format!("0.0.0.0:{port}"), "{set}");
            assert_eq!(worker.named_files(), worker.mounted_files(), "{set}");
        }
        for job in of_kind(&rendered, "Job").into_iter().map(Container::of) {
            let prefix = job.settings(folder.path()).await["broker"]["prefix"].as_str().unwrap().to_owned();
            // What it is to declare is made of its settings and of the files that it has, and of no others.
            for file in job.mounted_files() {
                let text = match file.as_str() {
                    "broker-url" => "amqps://a:b@rabbitmq/%2f".to_owned(),
                    "broker-ca" | "broker-certificate" => "-----BEGIN CERTIFICATE-----".to_owned(),
                    "broker-certificate-key" => "-----BEGIN PRIVATE KEY-----".to_owned(),
                    _ => "0".repeat(64),
                };
                std::fs::write(folder.path().join(file), text).unwrap();
            }
            let exported = gatehouse(&["topology", "export"], &job.at_home(folder.path())).await.ok();
            assert!(exported.contains(&format!("\"{prefix}.workflows\"")), "{set}: {exported}");
        }
        let workflows = folder.path().join("workflows.yaml");
        if workflows.is_file() {
            gatehouse(&["workflow", "check", workflows.to_str().unwrap()], &[]).await.ok();
        }
    }
}

#[tokio::test]
async fn workers_share_microsofts_limits_by_their_number_unless_the_values_have_a_share() {
    for (set, expected) in [("identity", json!(0.25)), ("scaled", json!("auto")), ("small", json!("auto"))] {
        let rendered = rendered(set).await;
        let folder = tempfile::TempDir::new().unwrap();
        write_files(&rendered, folder.path());
        for worker in of_kind(&rendered, "Deployment").into_iter().map(Container::of) {
            let settings = worker.settings(folder.path()).await;
            assert_eq!(settings["graph"]["limits_share"], expected, "{set}");
        }
    }
}

#[tokio::test]
async fn the_dashboard_of_the_chart_is_the_file_and_only_there_if_wanted() {
    assert!(of_kind(&render(LEAST).await.unwrap(), "ConfigMap").is_empty());
    let rendered = render(&format!("{LEAST}grafanaDashboard: {{ enabled: true }}")).await.unwrap();
    let maps = of_kind(&rendered, "ConfigMap");
    assert_eq!(maps.len(), 1);
    assert_eq!(maps[0]["metadata"]["labels"]["grafana_dashboard"], "1");
    let dashboard = maps[0]["data"]["gatehouse.json"].as_str().unwrap();
    assert_eq!(dashboard, repository::text("deploy/grafana/gatehouse.json"));
}

#[tokio::test]
async fn whatever_is_for_a_worker_selects_its_pods_and_no_others() {
    for set in SETS {
        let rendered = rendered(set).await;
        let deployments = of_kind(&rendered, "Deployment");
        let selectors = [
            ("Deployment", "selector"),
            ("PodDisruptionBudget", "selector"),
            ("NetworkPolicy", "podSelector"),
        ];
        for (kind, selector) in selectors {
            let objects = of_kind(&rendered, kind);
            for deployment in &deployments {
                let labels = deployment["spec"]["template"]["metadata"]["labels"].as_object().unwrap();
                let selects = |object: &&&Value| {
                    let wanted = object["spec"][selector]["matchLabels"].as_object().unwrap();
                    wanted.iter().all(|(name, value)| labels.get(name) == Some(value))
                };
                let names = objects.iter().filter(selects).map(|object| &object["metadata"]["name"]);
                assert_eq!(names.collect::<Vec<_>>(), [&deployment["metadata"]["name"]], "{set}: {kind}");
            }
            assert_eq!(objects.len(), deployments.len(), "{set}: {kind}");
        }
    }
}

#[test]
fn the_chart_is_of_the_version_of_gatehouse() {
    let chart: Value = serde_saphyr::from_str(&repository::text("deploy/chart/Chart.yaml")).unwrap();
    for version in ["version", "appVersion"] {
        assert_eq!(chart[version], env!("CARGO_PKG_VERSION"), "{version}");
    }
}
