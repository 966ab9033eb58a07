//! Recall and precision of the rules on the labelled set, overall and by kind.

use std::collections::BTreeMap;

use sluicegate_secrets::{SecretRules, SecretSalt};

mod labelled;

use labelled::{Case, cases};

/// What was found of the cases of one kind.
#[derive(Default)]
struct Tally {
    /// Cases with a secret, and those in which it was found.
    secrets: usize,
    found: usize,
    /// Findings where no secret is.
    wrong: usize,
    /// Of what was found, by which rule.
    rules: BTreeMap<&'static str, usize>,
}

fn judge(rules: &SecretRules, salt: &SecretSalt, case: &Case, tally: &mut Tally) -> bool {
    let found = rules.find(salt, &case.path, &case.text);
    let Some(range) = &case.secret else {
        tally.wrong += usize::from(!found.is_empty());
        for secret in &found {
            *tally.rules.entry(secret.rule).or_default() += 1;
        }
        return found.is_empty();
    };
    // A value may begin within the labelled one: the key in a connection string.
    let is_it = |offset: u64| range.contains(&usize::try_from(offset).expect("small"));
    let hits: Vec<_> = found.iter().filter(|secret| is_it(secret.offset)).collect();
    tally.secrets += 1;
    tally.found += usize::from(!hits.is_empty());
    tally.wrong += found.len() - hits.len();
    for secret in &hits {
        *tally.rules.entry(secret.rule).or_default() += 1;
    }
    !hits.is_empty() && hits.len() == found.len()
}

#[test]
fn the_labelled_set_is_told_apart() {
    let (rules, salt) = (SecretRules::built_in(), SecretSalt::new(&[7; 32]));
    let cases = cases();
    let mut tallies = BTreeMap::<&str, Tally>::new();
    for case in &cases {
        let tally = tallies.entry(case.kind).or_default();
        if !judge(&rules, &salt, case, tally) {
            let text = String::from_utf8_lossy(&case.text);
            let shown: String = text.chars().take(300).collect();
            println!("--- {} {}: {shown}", case.kind, case.path);
        }
    }
    let sum = |of: fn(&Tally) -> usize| tallies.values().map(of).sum::<usize>();
    let (secrets, found, wrong) = (sum(|t| t.secrets), sum(|t| t.found), sum(|t| t.wrong));
    let kinds = tallies.values().filter(|tally| tally.secrets > 0).count();
    for (kind, tally) in &tallies {
        let Tally {
            secrets,
            found,
            wrong,
            rules,
        } = tally;
        println!("{kind:36} {found:3} of {secrets:3}, wrong {wrong:3} {rules:?}");
    }
    let recall = found as f64 / secrets as f64;
    let precision = found as f64 / (found + wrong) as f64;
    println!(
        "{kinds} kinds, {secrets} secrets, {} look-alikes",
        cases.len() - secrets
    );
    println!("recall {recall:.4}, precision {precision:.4}: {found} found, {wrong} wrong");
    assert!(kinds >= 30 && secrets >= 300 && cases.len() - secrets >= 3000);
    assert!(recall >= 0.95 && precision >= 0.95);
}
