//! What plugins cost a scan: an image with 1,500 `package.json`, without plugins, with one that claims
//! every one of them and does nothing, and with as many as there may be that claim nothing of it. And
//! what hostile ones cost it, while an image beside it is read on which they do what they can.
//!
//! `cargo run --release -p sluicegate-wasm --example plugin_cost`

#![allow(clippy::print_stdout, reason = "the report is what it is for")]

use std::fmt::Write as _;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;
use sluicegate_scanner::fed::FedPlugin;
use sluicegate_scanner::{Limits, PluginSet, scan_layer_again};
use sluicegate_wasm::load;

/// How many of the files that are claimed.
const CLAIMED: usize = 1_500;

/// Other files for each of them, as in an image of Node.
const OTHERS: usize = 12;

const RUNS: usize = 9;

/// What plugins do to their host for each file; the first nothing.
const HOSTILE: &[(&str, &str)] = &[
    ("do nothing", ""),
    ("loop", "(loop (br 0))"),
    (
        "call themselves",
        "(drop (call $analyze (local.get 0) (local.get 1) (local.get 2) (local.get 3)))",
    ),
    (
        "fill all their memory",
        "(drop (memory.grow (i32.const 1000))) (loop
         (memory.fill (i32.const 0) (i32.const 1) (i32.const 60000000)) (br 0))",
    ),
    (
        "flood the log",
        "(loop (call $log (i32.const 0) (i32.const 65536)) (br 0))",
    ),
    ("trap", "unreachable"),
];

/// Scans of one run: CPU time is counted in hundredths of a second.
const SCANS: u32 = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let layer = layer()?;
    let claims = manifest("claims", r#"{"name":"package.json"}"#);
    let idle = manifest("idle", r#"{"name":"none.conf"}"#);
    let full = (0..64).map(|at| manifest(&format!("p{at}"), &many_claims(at)));
    let full: Vec<String> = full.collect();
    let sets = [
        ("none", PluginSet::with_fed(Vec::new())?),
        ("1 that claims nothing here", set(&[idle])?),
        ("1 that claims every package.json", set(&[claims])?),
        ("64 of 32 claims each, nothing here", set(&full)?),
    ];
    println!(
        "a layer of {} MiB in gzip, {CLAIMED} package.json",
        layer.len() >> 20
    );
    own_cost(&layer, &sets)?;
    cost_beside(&layer)
}

/// Prints the CPU time of a scan by each set.
fn own_cost(layer: &[u8], sets: &[(&str, PluginSet)]) -> Result<(), Box<dyn std::error::Error>> {
    let mut times = vec![Vec::new(); sets.len()];
    for run in 0..=RUNS {
        for ((_, plugins), times) in sets.iter().zip(&mut times) {
            let before = cpu()?;
            for _ in 0..SCANS {
                scan(layer, plugins)?;
            }
            let took = (cpu()? - before) / f64::from(SCANS);
            // The first run warms up.
            if run > 0 {
                times.push(took);
            }
        }
    }
    print_medians("", "ms CPU", sets, times);
    Ok(())
}

/// Prints the median of each set, and what it is of the first one's.
fn print_medians(before: &str, unit: &str, sets: &[(&str, PluginSet)], times: Vec<Vec<f64>>) {
    let mut base = None;
    for ((name, _), mut times) in sets.iter().zip(times) {
        times.sort_by(f64::total_cmp);
        let median = times.get(RUNS / 2).copied().unwrap_or_default();
        let base = *base.get_or_insert(median);
        println!(
            "{:<46} {:7.1} {unit}, {:.3} of the first",
            format!("{before}{name}"),
            median * 1_000.0,
            median / base
        );
    }
}

fn scan(layer: &[u8], plugins: &PluginSet) -> Result<(), Box<dyn std::error::Error>> {
    let facts = scan_layer_again(layer, &Limits::default(), plugins, None);
    if facts.diff_id.is_none() || !facts.gaps.is_empty() {
        return Err(format!("the layer was not read: {:?}", facts.gaps).into());
    }
    Ok(())
}

/// Prints how long a scan takes beside another image on which plugins do what they can, against one
/// beside an image on which they do nothing.
fn cost_beside(layer: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
    let mut hostile = tar::Builder::new(Vec::new());
    for number in 0..500 {
        add(&mut hostile, &format!("etc/{number}/bad.conf"), b"a = 1")?;
    }
    let hostile = hostile.into_inner()?;
    let mut sets = Vec::new();
    for (name, work) in HOSTILE {
        let plugins = (0..8).map(|at| manifest(&format!("p{at}"), r#"{"name":"bad.conf"}"#));
        sets.push((*name, set_of(&plugins.collect::<Vec<_>>(), work)?));
    }
    let mut times = vec![Vec::new(); sets.len()];
    for run in 0..=RUNS {
        for ((_, plugins), times) in sets.iter().zip(&mut times) {
            let took = beside(&hostile, layer, plugins)?;
            if run > 0 {
                times.push(took);
            }
        }
    }
    print_medians("beside 8 plugins that ", "ms", &sets, times);
    Ok(())
}

/// Gives the seconds that a scan takes while another thread scans another layer over and over.
fn beside(
    other: &[u8],
    layer: &[u8],
    plugins: &PluginSet,
) -> Result<f64, Box<dyn std::error::Error>> {
    let (begun, ended) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                begun.store(true, Ordering::Relaxed);
                scan_layer_again(other, &Limits::default(), plugins, None);
            }
        });
        while !begun.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        let started = Instant::now();
        let scanned = (0..SCANS).try_for_each(|_| scan(layer, plugins));
        let took = started.elapsed().as_secs_f64() / f64::from(SCANS);
        ended.store(true, Ordering::Relaxed);
        scanned.map(|()| took)
    })
}

fn manifest(name: &str, claims: &str) -> String {
    format!(r#"{{"name":"{name}","version":"1","kind":"detector","abi":1,"claims":[{claims}]}}"#)
}

/// Gives claims of every kind that are looked up for each file and are no file's.
fn many_claims(plugin: usize) -> String {
    let claims = (0..32).map(|at| match at % 4 {
        0 => format!(r#"{{"ending":".e{plugin}x{at}"}}"#),
        1 => format!(r#"{{"name":"n{plugin}-{at}"}}"#),
        2 => format!(r#"{{"starts":{{"bytes":"{plugin:02x}{at:02x}fefe"}}}}"#),
        _ => format!(r#"{{"dir":"opt/{plugin}/{at}"}}"#),
    });
    claims.collect::<Vec<_>>().join(",")
}

fn set(manifests: &[String]) -> Result<PluginSet, Box<dyn std::error::Error>> {
    set_of(manifests, "")
}

/// Makes plugins that do some work for each file and say nothing.
fn set_of(manifests: &[String], work: &str) -> Result<PluginSet, Box<dyn std::error::Error>> {
    let text = format!(
        r#"(module (import "sluicegate" "log" (func $log (param i32 i32)))
        (memory (export "memory") 17)
        (func (export "sluicegate_abi") (result i32) i32.const 1)
        (func (export "alloc") (param i32) (result i32) i32.const 1024)
        (func $analyze (export "analyze") (param i32 i32 i32 i32) (result i64) {work} i64.const 0))"#
    );
    let begun = wat::parse_str(text)?;
    let mut plugins: Vec<Arc<dyn FedPlugin>> = Vec::new();
    for manifest in manifests {
        let content = [&b"\x0asluicegate"[..], manifest.as_bytes()].concat();
        let (low, high) = (content.len() % 128, content.len() / 128);
        let mut module = begun.clone();
        module.extend([0, u8::try_from(low)? | 0x80, u8::try_from(high)?]);
        module.extend(content);
        plugins.push(Arc::new(load(&module)?));
    }
    Ok(PluginSet::with_fed(plugins)?)
}

/// Makes a layer as an image of Node has one: each package with its `package.json` and code.
fn layer() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for package in 0..CLAIMED {
        let folder = format!("app/node_modules/package-{package}");
        let record = format!(
            r#"{{"name":"package-{package}","version":"1.{}.0","main":"index.js","license":"MIT","description":"{}"}}"#,
            package % 40,
            "words ".repeat(package % 200)
        );
        add(
            &mut builder,
            &format!("{folder}/package.json"),
            record.as_bytes(),
        )?;
        for file in 0..OTHERS {
            let mut code = String::new();
            for line in 0..120 + (package * file) % 100 {
                let seed = package.wrapping_mul(2_654_435_761) ^ (line * 40_503) ^ file;
                writeln!(
                    code,
                    "exports.f{line} = (a, b) => a + b * {seed} % {};",
                    seed >> 7
                )?;
            }
            add(
                &mut builder,
                &format!("{folder}/lib/{file}.js"),
                code.as_bytes(),
            )?;
        }
    }
    Ok(builder.into_inner()?.finish()?)
}

fn add(
    builder: &mut tar::Builder<impl std::io::Write>,
    path: &str,
    content: &[u8],
) -> std::io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(u64::try_from(content.len()).unwrap_or_default());
    header.set_mode(0o644);
    builder.append_data(&mut header, path, content)
}

/// Gives the CPU time of this process so far, in seconds. Source: Linux, `proc_pid_stat(5)`.
fn cpu() -> Result<f64, Box<dyn std::error::Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: Result<Vec<u32>, _> = ticks.map(str::parse).collect();
    Ok(f64::from(ticks?.iter().sum::<u32>()) / 100.0)
}
