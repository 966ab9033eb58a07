//! What plugins cost a scan: an image with 1,500 `package.json`, without plugins, with one that claims
//! every one of them and does nothing, and with as many as there may be that claim nothing of it.
//!
//! `cargo run --release -p sluicegate-wasm --example plugin_cost`

#![allow(clippy::print_stdout, reason = "the report is what it is for")]

use std::fmt::Write as _;
use std::fs;
use std::sync::Arc;

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
    let mut times = vec![Vec::new(); sets.len()];
    for run in 0..=RUNS {
        for ((_, plugins), times) in sets.iter().zip(&mut times) {
            let before = cpu()?;
            for _ in 0..SCANS {
                let facts = scan_layer_again(layer.as_slice(), &Limits::default(), plugins, None);
                if facts.diff_id.is_none() || !facts.gaps.is_empty() {
                    return Err(format!("the layer was not read: {:?}", facts.gaps).into());
                }
            }
            let took = (cpu()? - before) / f64::from(SCANS);
            // The first run warms up.
            if run > 0 {
                times.push(took);
            }
        }
    }
    let mut base = None;
    for ((name, _), times) in sets.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        let median = times.get(RUNS / 2).copied().unwrap_or_default();
        let base = *base.get_or_insert(median);
        println!(
            "{name:<36} {:7.1} ms CPU, {:.3} of none",
            median * 1_000.0,
            median / base
        );
    }
    Ok(())
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
    let text = r#"(module (memory (export "memory") 17)
        (func (export "sluicegate_abi") (result i32) i32.const 1)
        (func (export "alloc") (param i32) (result i32) i32.const 1024)
        (func (export "analyze") (param i32 i32 i32 i32) (result i64) i64.const 0))"#;
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
    builder: &mut tar::Builder<GzEncoder<Vec<u8>>>,
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
