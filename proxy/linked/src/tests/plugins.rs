//! Work names the plugins that it is done by, and what others found is not taken.

use sluicegate_model::inventory::Inventory;
use sluicegate_scanner::analyzer::Wants;
use sluicegate_scanner::fed::{FedAnswer, FedId, FedKind, FedPlugin};
use sluicegate_scanner::{JarNames, NameTables, PluginSet, scan_layer_again};

use super::*;
use crate::protocol::GivenWork;
use crate::task::PluginNamed;

struct Stub(String);

impl FedPlugin for Stub {
    fn id(&self) -> FedId<'_> {
        FedId {
            name: "stub",
            version: "1",
            digest: &self.0,
        }
    }

    fn kind(&self) -> FedKind {
        FedKind::Analyzer
    }

    fn claims(&self) -> Vec<Wants<'_>> {
        vec![Wants::Named("stub.conf")]
    }

    fn max_file_bytes(&self) -> u64 {
        1
    }

    fn read(&self, _: &str, _: &[u8]) -> FedAnswer {
        FedAnswer::default()
    }

    fn detect(&self, _: &Inventory) -> FedAnswer {
        FedAnswer::default()
    }
}

fn with_stub(digit: &str) -> Arc<ActivePlugins> {
    let plugins = Plugins::default();
    let stub: Arc<dyn FedPlugin> = Arc::new(Stub(digit.repeat(64)));
    plugins.take(PluginSet::with_fed(vec![stub]).unwrap());
    plugins.now()
}

fn facts_by(plugins: &ActivePlugins, bytes: &Bytes) -> Vec<u8> {
    scan_layer_again(&bytes[..], &Limits::default(), plugins.set(), None).to_bytes()
}

#[tokio::test]
async fn work_is_done_by_the_plugins_that_it_names() {
    let bench = Bench::new().await;
    let (member, _) = bench.member(&[]).await;
    let (bytes, plugins) = (layer("one"), with_stub("a"));
    for (made_by, is_taken) in [
        (ActivePlugins::built_in(), false),
        (with_stub("b"), false),
        (Arc::clone(&plugins), true),
    ] {
        let asked = asked_with(bench.scan(), &bytes, &plugins);
        let given = bench.taken(&member).await;
        let told = GivenWork::from(given.clone());
        let digest = format!("sha256:{}", "a".repeat(64)).parse().unwrap();
        let (name, version) = ("stub".to_owned(), "1".to_owned());
        let named = PluginNamed {
            name,
            version,
            digest,
        };
        assert_eq!(told.plugins, [named]);
        let (sent, digest) = (facts_by(&made_by, &bytes), Digest::of(&bytes));
        let answered = bench.answer(&member, &given, &digest, sent).await;
        assert_eq!(answered.is_ok(), is_taken, "{answered:?}");
        assert_eq!(asked.await.unwrap().is_ok(), is_taken);
    }
}

fn with_names(day: &str) -> Arc<ActivePlugins> {
    let text = format!("format 1\nof {day}\nacme-x org.acme = org/acme/\n");
    let (plugins, mut names) = (Plugins::default(), NameTables::default());
    names.take(JarNames::FILE, text.into_bytes()).unwrap();
    plugins.take(PluginSet::with_tables(Vec::new(), names).unwrap());
    plugins.now()
}

#[tokio::test]
async fn work_is_done_by_the_tables_of_names_that_it_names() {
    let bench = Bench::new().await;
    let (member, _) = bench.member(&[]).await;
    let (bytes, plugins) = (layer("one"), with_names("2127-01-02"));
    for (made_by, is_taken) in [
        (ActivePlugins::built_in(), false),
        (with_names("2127-01-03"), false),
        (with_stub("b"), false),
        (Arc::clone(&plugins), true),
    ] {
        let asked = asked_with(bench.scan(), &bytes, &plugins);
        let given = bench.taken(&member).await;
        let told = GivenWork::from(given.clone()).plugins;
        let table = plugins.set().tables().fed().next().unwrap();
        assert_eq!(told.len(), 1);
        assert_eq!(
            (&*told[0].name, &*told[0].version, told[0].digest.hex()),
            ("knowledge/jar-names.txt", "2127-01-02", table.file.digest())
        );
        let (sent, digest) = (facts_by(&made_by, &bytes), Digest::of(&bytes));
        let answered = bench.answer(&member, &given, &digest, sent).await;
        assert_eq!(answered.is_ok(), is_taken, "{answered:?}");
        assert_eq!(asked.await.unwrap().is_ok(), is_taken);
    }
}

#[tokio::test]
async fn who_cannot_be_sent_plugins_is_shown_with_the_reason() {
    let bench = Bench::new().await;
    let (member, _) = bench.member(&[]).await;
    let desk = bench.linked.desk();
    desk.see_unfit(&member, "0.1.0", Some("why"));
    let standing = || desk.standing(&member.enrolment);
    assert_eq!(standing().problem, Some("why"));
    desk.see_unfit(&member, "0.2.0", None);
    assert_eq!(standing().problem, None);
    assert_eq!(standing().version.as_deref(), Some("0.2.0"));
}
