//! The engine as a whole: its parts, made from the ports.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_model::clock::Clock;
use sluicegate_model::gate::GateMode;
use sluicegate_model::manifest::Platform;

use crate::ahead::Ahead;
use crate::attest::{Attester, Attests};
use crate::audit::Audit;
use crate::blocked::Blocked;
use crate::break_glass::BreakGlass;
use crate::content::Content;
use crate::drafts::Drafts;
use crate::gate::{Gate, GateParts};
use crate::instance_key::InstanceKey;
use crate::ledger::Ledger;
use crate::memory::Memory;
use crate::origin::Origins;
use crate::plugins::Plugins;
use crate::pull::download::Downloads;
use crate::pull::inventories::Inventories;
use crate::pull::job::Jobs;
use crate::pull::judge::Judge;
use crate::pull::manifests::Manifests;
use crate::pull::presence::Presence;
use crate::pull::pulls::Pulls;
use crate::pull::resolve::Resolver;
use crate::pull::signed::Signed;
use crate::pull::waived::Waived;
use crate::rejudge::Rejudge;
use crate::reports::Reports;
use crate::reread::Reread;
use crate::scan::LayerScan;
use crate::snapshots::Snapshots;
use crate::tally::Tally;

/// What the engine reaches the world through.
pub struct Ports {
    /// Blobs and derived documents.
    pub content: Arc<dyn Content>,
    /// What was decided, and which content belongs where.
    pub ledger: Arc<dyn Ledger>,
    /// The upstreams.
    pub origins: Arc<dyn Origins>,
    /// Who scans layers.
    pub layer_scan: Arc<dyn LayerScan>,
    /// Where lines are written.
    pub audit: Arc<dyn Audit>,
    /// Feeds and policies.
    pub snapshots: Arc<dyn Snapshots>,
    /// Counters.
    pub tally: Arc<dyn Tally>,
    /// The time of day.
    pub clock: Clock,
    /// What only this instance can compute with.
    pub key: InstanceKey,
    /// What verdicts are signed with.
    pub attests: Attests,
}

/// How it is to work.
pub struct Ways {
    /// Hold or stream.
    pub mode: GateMode,
    /// The platforms judged with every index.
    pub platforms: Arc<[Platform]>,
    /// How long an upstream's word on a tag is believed.
    pub tag_ttl: Duration,
    /// For how long an image may be let through against what policy says.
    pub break_glass_max: Duration,
    /// What everybody who scans or judges shares.
    pub memory: Memory,
    /// What reads images.
    pub plugins: Plugins,
    /// What each thread of the background does first: it gives way to whatever a request needs.
    pub give_way: fn(),
}

/// The parts that are asked from outside.
pub struct Engine {
    /// Answers requests.
    pub gate: Gate,
    /// Makes verdicts.
    pub judge: Judge,
    /// The pulls under way.
    pub running: Pulls,
    /// Makes old verdicts anew; its `run` starts it.
    pub rejudge: Rejudge,
    /// Reads images again after plugins have changed; its `run` starts it.
    pub reread: Reread,
    /// Takes what others say images hold.
    pub reports: Reports,
    /// Lets images through for a while.
    pub break_glass: BreakGlass,
    /// Says what policies would say that are not in force.
    pub drafts: Drafts,
    /// Tells of refused pulls; its `run` starts it.
    pub blocked: Blocked,
    /// Tells of what ends; its `run` starts it.
    pub ahead: Ahead,
    /// Signs verdicts.
    pub attester: Attester,
}

impl Engine {
    /// Makes all parts. Nothing runs yet.
    pub fn new(ports: Ports, ways: Ways) -> Self {
        let (content, ledger, clock) = (&ports.content, &ports.ledger, &ports.clock);
        let origins = || Arc::clone(&ports.origins);
        let manifests = Manifests::new(Arc::clone(content), Arc::clone(ledger), origins());
        let downloads = Downloads::new(Arc::clone(content), Arc::clone(ledger), origins());
        let inventories = inventories(&ports, ways.memory, ways.plugins);
        let jobs = jobs(&ports, inventories.clone(), downloads.clone());
        let waived = Waived::default();
        let break_glass = break_glass(&ports, waived.clone(), ways.break_glass_max);
        let signed = signed(&ports, ways.tag_ttl, manifests.clone());
        let judge = judge(
            &ports,
            (jobs.clone(), inventories.clone()),
            (signed, waived),
        );
        let (owned, told) = (Arc::clone(ledger), clock.clone());
        let attester = attester(&ports, judge.clone());
        let forgets = attester.clone();
        let reports = Reports::new(inventories, (judge.clone(), forgets), owned, told);
        let drafts = Drafts::new(judge.clone(), Arc::clone(ledger));
        let running = Pulls::new(jobs, judge.clone());
        let resolver = resolver(&ports, manifests.clone(), ways.tag_ttl);
        let presence = presence(&ports, downloads.clone());
        let judging = (judge.clone(), attester.clone());
        let rejudge = rejudge(&ports, judging, running.clone(), ways.give_way);
        let reread = Reread::new(judge.clone(), Arc::clone(ledger), manifests.clone());
        let blocked = Blocked::new(Arc::clone(ledger), clock.clone());
        let ahead = ahead(&ports);
        let gate = Gate::new(GateParts {
            mode: ways.mode,
            platforms: ways.platforms,
            resolver,
            manifests,
            judge: judge.clone(),
            running: running.clone(),
            downloads,
            presence,
            attester: attester.clone(),
            ledger: ports.ledger,
            upstreams: ports.origins,
            log: ports.audit,
            blocked: blocked.clone(),
            clock: ports.clock,
            tally: ports.tally,
        });
        Self {
            gate,
            judge,
            running,
            rejudge,
            reread,
            reports,
            break_glass,
            drafts,
            blocked,
            ahead,
            attester,
        }
    }
}

fn rejudge(ports: &Ports, judging: (Judge, Attester), running: Pulls, give_way: fn()) -> Rejudge {
    Rejudge::new(
        judging,
        Arc::clone(&ports.ledger),
        running,
        Arc::clone(&ports.snapshots),
        Arc::clone(&ports.tally),
        give_way,
    )
}

fn jobs(ports: &Ports, inventories: Inventories, downloads: Downloads) -> Jobs {
    Jobs::new(
        Arc::clone(&ports.content),
        Arc::clone(&ports.layer_scan),
        inventories,
        downloads,
        ports.clock.clone(),
    )
}

fn ahead(ports: &Ports) -> Ahead {
    let (ledger, snapshots) = (Arc::clone(&ports.ledger), Arc::clone(&ports.snapshots));
    Ahead::new(ledger, snapshots, ports.clock.clone())
}

fn attester(ports: &Ports, judge: Judge) -> Attester {
    let (content, ledger) = (Arc::clone(&ports.content), Arc::clone(&ports.ledger));
    Attester::new(ports.attests.clone(), content, ledger, judge)
}

fn inventories(ports: &Ports, memory: Memory, plugins: Plugins) -> Inventories {
    let content = Arc::clone(&ports.content);
    Inventories::new(content, memory, plugins, ports.clock.clone())
}

fn break_glass(ports: &Ports, waived: Waived, longest: Duration) -> BreakGlass {
    BreakGlass::new(
        waived,
        Arc::clone(&ports.ledger),
        Arc::clone(&ports.audit),
        ports.clock.clone(),
        longest,
    )
}

fn resolver(ports: &Ports, manifests: Manifests, tag_ttl: Duration) -> Resolver {
    Resolver::new(
        tag_ttl,
        Arc::clone(&ports.ledger),
        manifests,
        Arc::clone(&ports.origins),
        ports.clock.clone(),
    )
}

fn presence(ports: &Ports, downloads: Downloads) -> Presence {
    Presence::new(
        ports.key.clone(),
        Arc::clone(&ports.content),
        Arc::clone(&ports.ledger),
        downloads,
        Arc::clone(&ports.origins),
    )
}

fn signed(ports: &Ports, ttl: Duration, manifests: Manifests) -> Signed {
    Signed::new(
        ttl,
        Arc::clone(&ports.ledger),
        manifests,
        Arc::clone(&ports.origins),
        ports.clock.clone(),
    )
}

fn judge(ports: &Ports, scanned: (Jobs, Inventories), (signed, waived): (Signed, Waived)) -> Judge {
    Judge::new(
        scanned,
        signed,
        Arc::clone(&ports.snapshots),
        Arc::clone(&ports.ledger),
        ports.clock.clone(),
        Arc::clone(&ports.tally),
        waived,
    )
}
