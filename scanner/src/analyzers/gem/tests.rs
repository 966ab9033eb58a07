//! Gemspecs as RubyGems and people write them.

use super::*;
use crate::analyzers::tests::analyze;

const SPECIFICATION: &str = "usr/lib/ruby/gems/3.1.0/specifications/rake-13.0.6.gemspec";

fn gemspec(name: &str, version: &str) -> String {
    format!(
        "# -*- encoding: utf-8 -*-\n\nGem::Specification.new do |s|\n  s.name = {name}\n  s.version = {version}\nend\n"
    )
}

#[test]
fn reads_literals_in_every_form_that_installers_write() {
    for (name, version) in [
        ("\"rake\".freeze", "\"13.0.6\""),
        ("'rake'", "'13.0.6'.freeze"),
        ("%q{rake}", "%q{13.0.6}"),
        ("%q<rake>.freeze", "%q(13.0.6)"),
        ("\"rake\"", "Gem::Version.new(\"13.0.6\")"),
        ("\"rake\" # not 'x'", "\"13.0.6\".freeze # as in version.rb"),
        ("'rake'#x", "Gem::Version.new('13.0.6'.freeze) # x = \"1\""),
        ("%q{rake} ;", "'13.0.6'; nil"),
    ] {
        let found = analyze(&Gem, SPECIFICATION, gemspec(name, version).as_bytes());
        assert_eq!(found.gaps, [], "{name} {version}");
        let wanted = Package::of_language(PackageType::Gem, "rake", "13.0.6");
        assert_eq!(found.packages[0].package, wanted, "{name} {version}");
    }
}

#[test]
fn what_only_ruby_could_tell_is_a_gap() {
    for (name, version) in [
        ("\"rake\"", "Rake::VERSION"),
        ("\"rake\"", "\"#{13}.0\""),
        ("\"rake\"", "\"13\" + \".0\""),
        ("\"rake\"", "\"13.0\" if true # x"),
        ("\"rake\"", "Gem::Version.new(\"13.0\" # )"),
        ("name", "\"13.0.6\""),
        ("\"\"", "\"13.0.6\""),
    ] {
        let found = analyze(&Gem, SPECIFICATION, gemspec(name, version).as_bytes());
        assert_eq!(
            (found.packages.len(), found.gaps.len()),
            (0, 1),
            "{name} {version}"
        );
    }
}

#[test]
fn a_stub_line_names_what_the_code_does_not() {
    let text = "# -*- encoding: utf-8 -*-\n# stub: pg 1.4.5 x86_64-linux lib\0ext\n\nraise\n";
    let found = analyze(
        &Gem,
        "a/specifications/pg-1.4.5-x86_64-linux.gemspec",
        text.as_bytes(),
    );
    assert_eq!(found.gaps, []);
    let package = &found.packages[0].package;
    assert_eq!((&*package.name, &*package.version), ("pg", "1.4.5"));
    assert_eq!(package.architecture.as_deref(), Some("x86_64-linux"));
}

#[test]
fn witnesses_that_disagree_are_all_reported() {
    let text = format!(
        "# stub: rake 99.0 ruby lib\n{}",
        gemspec("'rake'", "'13.0.6'")
    );
    let found = analyze(&Gem, SPECIFICATION, text.as_bytes());
    let versions: Vec<_> = found
        .packages
        .iter()
        .map(|found| &*found.package.version)
        .collect();
    assert_eq!((versions, found.gaps.len()), (vec!["13.0.6", "99.0"], 1));
    let renamed = "x/specifications/rake-13.0.60.gemspec";
    let found = analyze(&Gem, renamed, gemspec("'rake'", "'13.0.6'").as_bytes());
    assert_eq!((found.packages.len(), found.gaps.len()), (1, 1));
}

#[test]
fn only_the_record_of_an_installation_is_evidence() {
    let literal = gemspec("'rake'", "'13.0.6'");
    let constant = gemspec("'rake'", "VERSION");
    for (path, text, packages, gaps) in [
        (
            "g/specifications/default/rake-13.0.6.gemspec",
            &literal,
            1,
            0,
        ),
        ("g/specifications/rake-13.0.6-java.gemspec", &literal, 1, 0),
        ("g/gems/rake-13.0.6/rake.gemspec", &constant, 0, 0),
        ("app/app.gemspec", &literal, 0, 0),
        ("g/bundler/gems/rake-0ab1/rake.gemspec", &literal, 1, 0),
        ("g/bundler/gems/rake-0ab1/rake.gemspec", &constant, 0, 1),
        ("g/bundler/gems/rake-0ab1/test/rake.gemspec", &literal, 0, 0),
    ] {
        let found = analyze(&Gem, path, text.as_bytes());
        assert_eq!(
            (found.packages.len(), found.gaps.len()),
            (packages, gaps),
            "{path}"
        );
    }
}
