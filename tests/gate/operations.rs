//! What operators rely on: numbers that alert, readiness, addresses that lead somewhere, reloads
//! that say what they did, certificates of the API.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use http::{Method, StatusCode};
use sluicegate_tests::process::{Daemon, free_port, run};
use sluicegate_tests::proxy::{program, sluicegate};
use sluicegate_tests::wire::Call;

use crate::served::Served;
use crate::stage::{REPO, Stage, clean, eventually, manifest_path, vulnerable};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_own_tool_has_nothing_against_the_metrics() {
    let stage = Stage::hold().await;
    let (good, bad) = (clean(421), vulnerable(422));
    for (tag, image) in [("good", &good), ("bad", &bad)] {
        stage.upstream.add(REPO, tag, image);
        stage.get(&manifest_path(REPO, tag)).await;
    }
    let layer = format!("/v2/{REPO}/blobs/{}", good.layers[0].digest);
    assert_eq!(stage.get(&layer).await.status, StatusCode::OK);
    let reply = stage.proxy.api("/metrics").await;
    let text = reply.text();
    assert_eq!(
        reply.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start promtool");
    let mut stdin = promtool.stdin.take().expect("a pipe");
    stdin.write_all(text.as_bytes()).expect("send the metrics");
    drop(stdin);
    let told = promtool.wait_with_output().expect("wait for promtool");
    let said = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(told.status.success() && said.is_empty(), "{said}\n{text}");
    for name in [
        "sluicegate_pulls_total{decision=\"refuse\"} 1",
        "sluicegate_refusals_total{policy=\"default\",rule=\"fixable-critical\"} 1",
        "sluicegate_denied_total 0",
        "sluicegate_cache_requests_total{outcome=\"hit\"} 1",
        "sluicegate_policy_error 0.0",
        "sluicegate_feed_problem 0.0",
        "sluicegate_feed_confirmed_age_seconds{source=",
        "sluicegate_feed_age_seconds{ecosystem=\"PyPI\"}",
        "sluicegate_pulls_running 0.0",
        "sluicegate_scans_running 0.0",
        "sluicegate_store_open 1.0",
        "sluicegate_store_bytes ",
        "sluicegate_disk_free_bytes ",
        "sluicegate_cache_bytes ",
        "sluicegate_build_info{version=",
        "process_cpu_seconds_total ",
        "process_resident_memory_bytes ",
        "process_open_fds ",
        "process_start_time_seconds ",
    ] {
        assert!(
            text.contains(&format!("\n{name}")),
            "{name} is not in {text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_lacks_something_is_ready_unless_asked_strictly() {
    let stage = Stage::with(|proxy, _| proxy.policy("p.yaml", GOOD_POLICY)).await;
    let strictly = async || stage.proxy.api("/readyz?strict").await;
    assert_eq!(
        strictly().await.status,
        StatusCode::OK,
        "{}",
        strictly().await.text()
    );
    stage.proxy.write_policy("p.yaml", "kind: [");
    stage.proxy.signal("HUP");
    eventually("it is no longer strictly ready", async || {
        strictly().await.status == StatusCode::SERVICE_UNAVAILABLE
    })
    .await;
    let lacking = strictly().await;
    assert!(
        lacking.json()["cannot"]
            .to_string()
            .contains("newest policy"),
        "{}",
        lacking.text()
    );
    let ready = stage.proxy.api("/readyz").await;
    assert_eq!(
        (ready.status, &ready.json()["ready"]),
        (StatusCode::OK, &true.into())
    );
    assert_eq!(ready.json()["cannot"], lacking.json()["cannot"]);
    let metrics = stage.proxy.api("/metrics").await.text();
    assert!(
        metrics.contains("\nsluicegate_policy_error 1.0"),
        "{metrics}"
    );
    for odd in ["/readyz?strcit", "/readyz?strict=perhaps"] {
        assert_eq!(
            stage.proxy.api(odd).await.status,
            StatusCode::BAD_REQUEST,
            "{odd}"
        );
    }
}

const GOOD_POLICY: &str = "\
apiVersion: sluicegate/v1
kind: Policy
metadata: {name: p}
spec: {rules: [{id: critical, when: {severityAtLeast: critical}, action: refuse}]}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_refusal_leads_others_to_their_own_machine() {
    let stage = Stage::hold().await;
    let image = vulnerable(423);
    stage.upstream.add(REPO, "bad", &image);
    let feeds = stage.feeds().display().to_string();
    for (api, how, host, wanted) in [
        (
            "127.0.0.1",
            vec!["--name", "gate.example:5000"],
            "gate.example:5000",
            "",
        ),
        (
            "0.0.0.0",
            vec!["--api-auth", "anonymous"],
            "10.0.0.7:5000",
            "",
        ),
        (
            "0.0.0.0",
            vec!["--api-auth", "anonymous", "--name", "gate.example:5000"],
            "Gate.example:5000",
            "http://gate.example:API",
        ),
        (
            "127.0.0.1",
            vec!["--api-url", "https://audit.example"],
            "x",
            "https://audit.example",
        ),
    ] {
        let home = tempfile::tempdir().expect("make a directory");
        let (port, api_port) = (free_port(), free_port());
        let (listen, api_listen) = (format!("0.0.0.0:{port}"), format!("{api}:{api_port}"));
        let data = home.path().join("data").display().to_string();
        let upstream = format!("up.test={}", stage.upstream.url());
        let mut arguments = vec!["--listen", &listen, "--api-listen", &api_listen];
        arguments.extend(["--data", &data, "--feed", &feeds, "--upstream", &upstream]);
        arguments.extend(["--default-upstream", "up.test"]);
        arguments.extend(&how);
        let api = format!("127.0.0.1:{api_port}");
        let served = Served::start(&[], &arguments, &api, home.path()).await;
        let registry = format!("127.0.0.1:{port}");
        let call = Call::new(Method::GET, &registry, &manifest_path(REPO, "bad"));
        let reply = call.header("host", host).follow().send().await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{}", reply.text());
        let wanted = wanted.replace("API", &api_port.to_string());
        let details = format!("Details: {wanted}/api/v1/verdicts/{}", image.digest);
        let message = reply.message();
        assert!(message.contains(&details), "{message}");
        assert!(!message.contains("127.0.0.1"), "{message}");
        let warned = served.log().contains("set api_url");
        assert_eq!(warned, wanted.is_empty(), "{}", served.log());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hangup_says_of_each_setting_what_becomes_of_it() {
    let home = tempfile::tempdir().expect("make a directory");
    let (registry, api) = (free_port(), free_port());
    let config = home.path().join("sluicegate.yaml");
    let of = |size: &str| {
        format!(
            "listen: 127.0.0.1:{registry}\napi_listen: 127.0.0.1:{api}\nfeed: [none]\ndata: {}\n\
             cache_size: {size}\n",
            home.path().join("data").display()
        )
    };
    std::fs::write(&config, of("1GiB")).expect("write the configuration");
    let mut command = Command::new(program());
    command.args(["serve", "--config", &config.display().to_string()]);
    command.env("HOME", home.path());
    let mut daemon = Daemon::start("sluicegate", command, &home.path().join("serve.log"));
    let address = format!("127.0.0.1:{api}");
    let answers = async || {
        let asked = Call::new(Method::GET, &address, "/readyz").limit(Duration::from_secs(2));
        asked
            .try_send()
            .await
            .is_ok_and(|reply| reply.status == 200)
    };
    daemon.wait_until(&answers).await;
    for (text, wanted) in [
        (of("1GiB"), "no setting has changed"),
        (
            of("2GiB"),
            "this setting has changed and needs a restart; the old one stays key=\"cache_size\"",
        ),
        (
            of("2GiB") + "colour: red\n",
            "configuration not taken over; the old one stays",
        ),
    ] {
        std::fs::write(&config, text).expect("write the configuration");
        daemon.signal("HUP");
        eventually(wanted, async || daemon.log().contains(wanted)).await;
        assert!(answers().await, "it serves on");
    }
    assert!(
        daemon.log().contains("sluicegate.yaml:6:1"),
        "{}",
        daemon.log()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_speaks_tls_and_says_when_its_certificate_ends() {
    let home = tempfile::tempdir().expect("make a directory");
    let authority = sluicegate_tests::certificates::write(home.path());
    let (registry, api) = (free_port(), free_port());
    let config = home.path().join("sluicegate.yaml");
    let place = home.path().display();
    let text = format!(
        "listen: 127.0.0.1:{registry}\napi_listen: 127.0.0.1:{api}\nfeed: [none]\n\
         data: {place}/data\n\
         api_tls: {{cert_file: {place}/server.pem, key_file: {place}/server.key}}\n"
    );
    std::fs::write(&config, text).expect("write the configuration");
    let mut command = Command::new(program());
    command.args(["serve", "--config", &config.display().to_string()]);
    command.env("HOME", home.path());
    let mut daemon = Daemon::start("sluicegate", command, &home.path().join("serve.log"));
    let ask = "import ssl, sys, urllib.request\n\
               context = ssl.create_default_context(cafile=sys.argv[2])\n\
               print(urllib.request.urlopen(sys.argv[1], context=context).read().decode())";
    let url = format!("https://localhost:{api}/metrics");
    let authority = authority.display().to_string();
    let metrics = async || {
        let arguments = ["-c", ask, &url, &authority];
        run("python3", &arguments, Duration::from_secs(20)).await
    };
    daemon.wait_until(async || metrics().await.ok()).await;
    let text = metrics().await.text();
    let name = "\nsluicegate_certificate_expiry_timestamp_seconds{listener=\"api\"} ";
    assert!(text.contains(name), "{text}");
    let plain = Call::new(Method::GET, &format!("127.0.0.1:{api}"), "/healthz");
    assert_eq!(plain.send().await.status, StatusCode::BAD_REQUEST);
    let service = format!("https://localhost:{api}");
    let status = ["status", "--service", &service];
    let distrusted = sluicegate(&status).await;
    assert_eq!(distrusted.status, 3, "{distrusted:?}");
    assert!(
        distrusted.text().contains("certificate"),
        "{}",
        distrusted.text()
    );
    let trusting = [&status[..], &["--ca-file", &authority]].concat();
    sluicegate(&trusting)
        .await
        .expect_ok("status with --ca-file");
    let wrong = [&status[..], &["--ca-file", "/nonexistent"]].concat();
    assert_eq!(sluicegate(&wrong).await.status, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_request_is_part_of_goes_through_the_log_to_the_upstream() {
    let stage = Stage::hold().await;
    let image = clean(424);
    stage.upstream.add(REPO, "1", &image);
    let id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let asked = format!("00-{id}-00f067aa0ba902b7-01");
    let path = manifest_path(REPO, "1");
    let call = stage.call(Method::GET, &path).header("traceparent", &asked);
    assert_eq!(call.follow().send().await.status, StatusCode::OK);
    let seen = stage.upstream.seen();
    assert!(seen.len() > 2, "manifest, config, layers: {}", seen.len());
    for request in &seen {
        let told = request.headers.get("traceparent");
        let told = told
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        assert!(
            told.starts_with(&format!("00-{id}-")),
            "{}: {told:?}",
            request.path
        );
    }
    let log = stage.proxy.log();
    for step in ["pull started", "pull judged"] {
        let line = log
            .lines()
            .find(|line| line.contains(step))
            .expect("a line");
        assert!(line.contains(id), "{line}");
    }
    let other = clean(425);
    stage.upstream.add(REPO, "2", &other);
    assert_eq!(
        stage.get(&manifest_path(REPO, "2")).await.status,
        StatusCode::OK
    );
    let made = stage.upstream.seen().split_off(seen.len());
    let of = |request: &sluicegate_tests::fault::Seen| request.headers.get("traceparent").cloned();
    assert!(
        made.iter().all(|request| of(request).is_some()),
        "one is made"
    );
}
