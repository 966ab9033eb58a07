//! Which upgrades: each unit to the lowest version that policy does not refuse for, and no unit more
//! than has to be.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use sluicegate_model::Digest;
use sluicegate_model::finding::Finding;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::verdict::Decision;

use crate::commands::{self, Surroundings};
use crate::judging::{Judged, Judges};
use crate::raised::{self, Versions};
use crate::step::{Remedy, Step, StepLayer, Unmendable};
use crate::unit::{UnitKey, Units, in_order};

/// Most units that are looked at: thousands of hits come from images that nobody mends by upgrades.
const MAX_UNITS: usize = 1_000;
/// Most versions that are tried of one unit, each higher than the one before.
const MAX_VERSIONS: usize = 100;
/// Most paths and ids that are named of one step.
const MAX_NAMED: usize = 100;

/// A unit with the version that it is raised to.
struct Raised {
    key: UnitKey,
    members: BTreeSet<usize>,
    to: String,
    mends: BTreeSet<String>,
}

/// Finds the steps after which policy would allow an image, as far as upgrades can.
pub fn remedy(inventory: &Inventory, judges: &impl Judges) -> Remedy {
    let before = judges.judge(inventory);
    let mut remedy = Remedy {
        decision: before.decision,
        decision_after: before.decision,
        steps: Vec::new(),
        unmendable: Vec::new(),
        batches: Vec::new(),
        user: None,
    };
    if before.decision != Decision::Refuse {
        return remedy;
    }
    let units = Units::of(inventory);
    let (keys, hits) = in_order(&units, &before.refused);
    let considered = keys.into_iter().take(MAX_UNITS);
    let raised = considered.filter_map(|key| {
        let ids = hits.get(&key).cloned().unwrap_or_default();
        raise(inventory, &units, key, ids, judges)
    });
    let mut raised: Vec<Raised> = raised.collect();
    let mended = with(inventory, &raised, None, judges);
    let mut after = judges.judge(&mended);
    if after.decision != Decision::Refuse {
        after.decision = leave_out(inventory, &units, &mut raised, judges, after.decision);
    }
    let surroundings = Surroundings::of(inventory);
    let steps = raised.iter().map(|it| step(inventory, it, &surroundings));
    remedy.steps = steps.collect();
    remedy.batches = commands::batches(&remedy.steps, &surroundings);
    remedy.user = surroundings.user;
    remedy.decision_after = after.decision;
    let there = Units::of(&mended);
    remedy.unmendable = left((&units, &there), &raised, &after, hits.len());
    remedy
}

/// Raises a unit as far as anything on it is refused that a higher version mends.
///
/// A `fixed` is the lowest version above the one that is there without one weakness, so that none below
/// the highest of them mends all: asked again there, the highest once more, it ends at the lowest version
/// that does.
fn raise(
    inventory: &Inventory,
    units: &Units<'_>,
    key: UnitKey,
    ids: BTreeSet<String>,
    judges: &impl Judges,
) -> Option<Raised> {
    let members = units.members(&key);
    let versions =
        |to: &str| -> Versions { members.iter().map(|at| (*at, to.to_owned())).collect() };
    let (mut to, mut tried) = (None, HashSet::new());
    let mut still = BTreeSet::new();
    for _ in 0..MAX_VERSIONS {
        let at = to.as_deref().map(versions).unwrap_or_default();
        let image = raised::part(inventory, &members, &at, judges);
        let judged = judges.judge(&image);
        let there = Units::of(&image);
        let is_new = |fix: &String| *fix != key.version && !tried.contains(fix);
        let mut next = None;
        still.clear();
        for hit in judged.refused {
            let is_own = there.of_finding(&hit).is_ok_and(|on| is_of(&on, &key));
            if let Some(fix) = hit.fixed.clone().filter(|it| is_own && is_new(it)) {
                let is_higher = |known: &String| judges.is_at_least(key.package_type, &fix, known);
                if next.as_ref().is_none_or(is_higher) {
                    next = Some(fix);
                }
            }
            still.insert(hit.id);
        }
        let Some(version) = next else { break };
        tried.insert(version.clone());
        to = Some(version);
    }
    let mends: BTreeSet<String> = ids.difference(&still).cloned().collect();
    let to = to.filter(|_| !mends.is_empty())?;
    Some(Raised {
        key,
        members,
        to,
        mends,
    })
}

/// Tells whether something concerns a unit, whatever its version is by now.
fn is_of(on: &BTreeSet<UnitKey>, key: &UnitKey) -> bool {
    let mut on = on.iter();
    on.any(|it| it.package_type == key.package_type && it.name == key.name)
}

/// Gives the image after all steps but one.
fn with(
    inventory: &Inventory,
    raised: &[Raised],
    but: Option<usize>,
    judges: &impl Judges,
) -> Inventory {
    let raised = raised.iter().enumerate();
    let raised = raised.filter(|(at, _)| Some(*at) != but);
    let versions = raised.flat_map(|(_, it)| it.members.iter().map(|at| (*at, it.to.clone())));
    raised::whole(inventory, &versions.collect(), judges)
}

/// Leaves out every step without which the image is allowed as well; gives what is decided then.
///
/// Rules hit findings one by one, so that a unit which is refused alone is refused beside any others.
/// What owns files of others, or lies in such, is tried with all the rest as it would be.
fn leave_out(
    inventory: &Inventory,
    units: &Units<'_>,
    raised: &mut Vec<Raised>,
    judges: &impl Judges,
    mut decision: Decision,
) -> Decision {
    for at in (0..raised.len()).rev() {
        let Some(one) = raised.get(at) else { continue };
        if !units.is_entangled(&one.key) {
            let alone = raised::part(inventory, &one.members, &Versions::new(), judges);
            if !judges.judge(&alone).refused.is_empty() {
                continue;
            }
        }
        let without = judges.judge(&with(inventory, raised, Some(at), judges));
        if without.decision != Decision::Refuse {
            raised.remove(at);
            decision = without.decision;
        }
    }
    decision
}

fn step(inventory: &Inventory, raised: &Raised, surroundings: &Surroundings) -> Step {
    let members = raised.members.iter();
    let members: Vec<_> = members
        .filter_map(|at| inventory.components.get(*at))
        .collect();
    let installed: BTreeSet<&str> = members.iter().map(|it| it.package.name.as_str()).collect();
    let paths: BTreeSet<&str> = members.iter().map(|it| it.path.as_str()).collect();
    let digests: BTreeSet<&Digest> = members.iter().map(|it| &it.layer).collect();
    let layers = digests.into_iter().map(|digest| {
        let built = inventory.layers.iter().find(|it| it.digest == *digest);
        StepLayer {
            digest: digest.clone(),
            created_by: built.and_then(|it| it.created_by.clone()),
        }
    });
    let owned = |named: BTreeSet<&str>| named.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let mut step = Step {
        package: raised.key.name.clone(),
        package_type: raised.key.package_type,
        installed: owned(installed),
        from: raised.key.version.clone(),
        to: raised.to.clone(),
        whose: raised.key.whose,
        layers: layers.take(MAX_NAMED).collect(),
        paths: owned(paths),
        mends: raised.mends.iter().cloned().collect(),
        how: Ok(Vec::new()),
    };
    step.how = commands::of_step(&step, &members, surroundings);
    step.paths.truncate(MAX_NAMED);
    step
}

/// Lists what the steps leave.
fn left(
    (units, there): (&Units<'_>, &Units<'_>),
    raised: &[Raised],
    after: &Judged,
    considered: usize,
) -> Vec<Unmendable> {
    let mut left: BTreeMap<(String, Option<String>, String), BTreeSet<String>> = BTreeMap::new();
    for hit in &after.refused {
        let why = match there.of_finding(hit) {
            Err(why) => why,
            Ok(_) if considered > MAX_UNITS => {
                format!("over {MAX_UNITS} packages would have to be raised: take another image")
            }
            Ok(_) => "the advisories name no version that none of them speaks against".to_owned(),
        };
        let version = raised.iter().find(|it| is_raised(units, it, hit));
        let version = version.map_or(&hit.package.version, |it| &it.key.version);
        let what = format!("{} in {}", hit.id, hit.package.name);
        let paths = left.entry((what, Some(version.clone()), why)).or_default();
        paths.extend(hit.places().map(str::to_owned));
    }
    for (rule, message) in &after.otherwise {
        let what = format!("rule {rule}");
        left.entry((what, None, message.clone())).or_default();
    }
    let left = left
        .into_iter()
        .map(|((what, version, why), paths)| Unmendable {
            what,
            version,
            why,
            paths: paths.into_iter().take(MAX_NAMED).collect(),
        });
    left.collect()
}

/// Tells whether a finding on the image after the steps is on a package of one of them.
fn is_raised(units: &Units<'_>, raised: &Raised, hit: &Finding) -> bool {
    let mut members = raised.members.iter().filter_map(|at| units.component(*at));
    members.any(|it| {
        it.package.name == hit.package.name
            && raised::purl_at(&it.purl, it.package.package_type, &raised.to) == hit.package.purl
    })
}
