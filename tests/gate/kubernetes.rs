//! The Kubernetes sample as it is written: its arguments, its configuration, its probes as a kubelet
//! sends them, and its monitoring by every name that its Service has.

use std::path::Path;

use http::Method;
use sluicegate_model::strict_yaml::{self, Node};
use sluicegate_tests::process::free_port;

use crate::served::Served;

/// The sample.
const FILE: &str = "../deploy/kubernetes.yaml";
/// An address as pods have them.
const POD: &str = "10.244.3.17";

/// Gives a member of a mapping.
fn member<'a>(node: &'a Node, key: &str) -> &'a Node {
    let entries = node
        .entries()
        .unwrap_or_else(|_| panic!("no mapping around {key}"));
    let found = entries.iter().find(|(name, _)| name.text() == Ok(key));
    &found.unwrap_or_else(|| panic!("no {key}")).1
}

fn at<'a>(node: &'a Node, path: &[&str]) -> &'a Node {
    path.iter().fold(node, |node, key| member(node, key))
}

fn text<'a>(node: &'a Node, path: &[&str]) -> &'a str {
    at(node, path).text().expect("a text")
}

/// Finds the document of this kind and name.
fn document<'a>(sample: &'a [Node], kind: &str, name: &str) -> &'a Node {
    let is_it =
        |node: &&Node| text(node, &["kind"]) == kind && text(node, &["metadata", "name"]) == name;
    sample
        .iter()
        .find(is_it)
        .unwrap_or_else(|| panic!("no {kind} {name}"))
}

/// What the sample's pod would run, with this machine's places for the pod's.
struct Pod {
    arguments: Vec<String>,
    port: u16,
}

impl Pod {
    /// Lays out under `home` what the pod has mounted.
    fn lay_out(sample: &[Node], home: &Path) -> Self {
        let config = text(
            document(sample, "ConfigMap", "sluicegate"),
            &["data", "sluicegate.yaml"],
        );
        let policies = document(sample, "ConfigMap", "sluicegate-policies");
        let (policy_folder, tls) = (home.join("etc/policies"), home.join("etc/tls"));
        for folder in [&policy_folder, &tls] {
            std::fs::create_dir_all(folder).expect("make a directory");
        }
        for (name, policy) in member(policies, "data").entries().expect("policies") {
            let (name, policy) = (
                name.text().expect("a name"),
                policy.text().expect("a policy"),
            );
            std::fs::write(policy_folder.join(name), policy).expect("write a policy");
        }
        sluicegate_tests::certificates::write(&tls);
        std::fs::rename(tls.join("server.pem"), tls.join("tls.crt")).expect("name the certificate");
        std::fs::rename(tls.join("server.key"), tls.join("tls.key")).expect("name the key");
        let (registry, port) = (free_port(), free_port());
        let (etc, data) = (home.join("etc"), home.join("data"));
        let config = config
            .replace("/etc/sluicegate", &etc.display().to_string())
            .replace("/var/lib/sluicegate/data", &data.display().to_string())
            .replace("0.0.0.0:5000", &format!("0.0.0.0:{registry}"))
            .replace("0.0.0.0:5080", &format!("0.0.0.0:{port}"))
            // No network in tests.
            .replace(
                "\"https://osv-vulnerabilities.storage.googleapis.com/\"",
                "none",
            );
        std::fs::write(etc.join("sluicegate.yaml"), config).expect("write the configuration");
        let arguments = member(container(sample), "args").list().expect("arguments");
        let arguments = arguments.iter().map(|argument| {
            let argument = argument.text().expect("an argument");
            argument.replace("/etc/sluicegate", &etc.display().to_string())
        });
        let arguments: Vec<String> = arguments.collect();
        assert_eq!(arguments.first().map(String::as_str), Some("serve"));
        Self { arguments, port }
    }
}

fn container(sample: &[Node]) -> &Node {
    let pod = at(
        document(sample, "Deployment", "sluicegate"),
        &["spec", "template", "spec"],
    );
    &member(pod, "containers").list().expect("containers")[0]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sample_starts_answers_its_probes_and_is_monitored_by_its_names() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let sample = std::fs::read_to_string(path).expect("read the sample");
    let sample = strict_yaml::parse(&sample).expect("YAML");
    let home = tempfile::tempdir().expect("make a directory");
    let pod = Pod::lay_out(&sample, home.path());
    let arguments: Vec<&str> = pod.arguments.iter().skip(1).map(String::as_str).collect();
    let served = Served::start(
        &[],
        &arguments,
        &format!("127.0.0.1:{}", pod.port),
        home.path(),
    )
    .await;

    // A kubelet asks the pod's address and the named port.
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        let asked = at(container(&sample), &[probe, "httpGet"]);
        assert_eq!(text(asked, &["port"]), "api");
        for host in [format!("{POD}:5080"), "[fd00:10:244::11]:5080".to_owned()] {
            let headers = [("host", host.as_str()), ("user-agent", "kube-probe/1.34")];
            let reply = served
                .ask(Method::GET, text(asked, &["path"]), &headers)
                .await;
            assert_eq!(reply.status, 200, "{probe} at {host}: {}", reply.text());
        }
    }
    let service = document(&sample, "Service", "sluicegate-api");
    let name = text(service, &["metadata", "name"]);
    let space = text(service, &["metadata", "namespace"]);
    for host in [
        format!("{POD}:5080"),
        format!("{name}:5080"),
        format!("{name}.{space}:5080"),
        format!("{name}.{space}.svc:5080"),
        format!("{name}.{space}.svc.cluster.local:5080"),
        format!("{name}.{space}.svc.cluster.local.:5080"),
        "sluicegate.example".to_owned(),
    ] {
        let reply = served
            .ask(Method::GET, "/metrics", &[("host", &host)])
            .await;
        assert_eq!(reply.status, 200, "{host}: {}", reply.text());
        let posted = served
            .ask(Method::POST, "/api/v1/scans", &[("host", &host)])
            .await;
        assert_eq!(posted.status, 403, "{host}");
    }
    let reply = served
        .ask(Method::GET, "/metrics", &[("host", "evil.example:5080")])
        .await;
    assert_eq!(reply.status, 421);
    let status = served.ask(Method::GET, "/api/v1/status", &[]).await.json();
    assert_eq!(status["policy"]["names"][0], "baseline", "{}", served.log());
    let insecure = status["insecure"].as_array().expect("a list");
    assert_eq!(insecure.len(), 1, "only the open API: {insecure:?}");
}
