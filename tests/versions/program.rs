//! A program that compares versions: it reads a pair a line, divided by a tab, and writes a sign for
//! each: `<`, `=`, `>`, or `!` where one of the two is no version.

use std::cmp::Ordering;
use std::io::{Seek as _, Write as _};
use std::process::{Command, Stdio};

/// The longest that a program may take for one round, in seconds; most need a tenth of one.
const LIMIT: &str = "60";

/// A program with what makes it compare.
pub struct Program {
    pub name: &'static str,
    pub arguments: &'static [&'static str],
}

pub const DPKG: Program = Program {
    name: "sh",
    arguments: &[
        "-c",
        r#"tab=$(printf '\t')
        while IFS=$tab read -r a b; do
          if dpkg --compare-versions "$a" lt "$b"; then echo '<'
          elif dpkg --compare-versions "$a" eq "$b"; then echo '='
          else echo '>'; fi
        done"#,
    ],
};

pub const RPM: Program = Program {
    name: "rpm",
    arguments: &[
        "--eval",
        r#"%{lua:
            local signs = { [-1] = "<", [0] = "=", [1] = ">" }
            for line in io.lines() do
              local a, b = line:match("^(.-)\t(.*)$")
              print(signs[rpm.vercmp(a, b)])
            end
        }"#,
    ],
};

/// Debian has pacman's library, but not its `vercmp`.
pub const PACMAN: Program = Program {
    name: "/usr/bin/python3",
    arguments: &[
        "-c",
        r#"
import ctypes, sys
alpm = ctypes.CDLL("libalpm.so.13")
for line in sys.stdin.buffer:
    a, b = line.rstrip(b"\n").split(b"\t")
    print("<=>"[1 + alpm.alpm_pkg_vercmp(a, b)])
"#,
    ],
};

pub const NODE: Program = Program {
    name: "node",
    arguments: &[
        "-e",
        r#"const SemVer = require("/usr/share/nodejs/semver/classes/semver.js");
        const read = (text) => {
          try { return new SemVer(text, { loose: true }); } catch { return null; }
        };
        const lines = require("fs").readFileSync(0, "utf8").split("\n").slice(0, -1);
        for (const line of lines) {
          const [a, b] = line.split("\t").map(read);
          console.log(a && b ? "<=>"[1 + a.compare(b)] : "!");
        }"#,
    ],
};

pub const COMPOSER: Program = Program {
    name: "php",
    arguments: &[
        "-r",
        r#"require "/usr/share/php/Composer/Semver/autoload.php";
        $parser = new Composer\Semver\VersionParser();
        while (($line = fgets(STDIN)) !== false) {
          try {
            [$a, $b] = array_map([$parser, "normalize"], explode("\t", rtrim($line, "\n")));
            $isBranch = str_starts_with($a, "dev-") || str_starts_with($b, "dev-");
            echo $isBranch ? "!" : "<=>"[1 + version_compare($a, $b)], "\n";
          } catch (UnexpectedValueException $refused) {
            echo "!\n";
          }
        }"#,
    ],
};

pub const RUBY: Program = Program {
    name: "ruby",
    arguments: &[
        "-e",
        r#"STDIN.each_line(chomp: true) do |line|
          pair = line.split("\t", -1)
          if pair.all? { |text| Gem::Version.correct?(text) }
            a, b = pair.map { |text| Gem::Version.new(text) }
            puts "<=>"[1 + (a <=> b)]
          else
            puts "!"
          end
        end"#,
    ],
};

/// Debian's own Python has its packages; another one that comes first in the path may not.
pub const PYTHON: Program = Program {
    name: "/usr/bin/python3",
    arguments: &[
        "-c",
        r#"
import sys
from packaging.version import InvalidVersion, Version
for line in sys.stdin:
    try:
        a, b = map(Version, line.rstrip("\n").split("\t"))
        print("<=>"[1 + (a > b) - (a < b)])
    except InvalidVersion:
        print("!")
"#,
    ],
};

impl Program {
    /// Compares every pair; none where the program refuses one of the two.
    pub fn compare(&self, pairs: &[(String, String)]) -> Vec<Option<Ordering>> {
        let mut input = tempfile::tempfile().expect("make a file");
        for (left, right) in pairs {
            writeln!(input, "{left}\t{right}").expect("write a pair");
        }
        input.rewind().expect("go back to the first pair");
        let output = Command::new("timeout")
            .args([LIMIT, self.name])
            .args(self.arguments)
            .env("LC_ALL", "C.UTF-8")
            .stdin(input)
            .stderr(Stdio::piped())
            .output()
            .expect("timeout is part of every Debian");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{} failed, tests/run installs it: {errors}",
            self.name
        );
        let text = String::from_utf8(output.stdout).expect("signs are text");
        let answers: Vec<_> = text
            .split_whitespace()
            .flat_map(str::chars)
            .map(ordering)
            .collect();
        let shown: Vec<_> = errors.lines().take(20).collect();
        assert_eq!(answers.len(), pairs.len(), "{}: {shown:#?}", self.name);
        answers
    }
}

fn ordering(sign: char) -> Option<Ordering> {
    match sign {
        '<' => Some(Ordering::Less),
        '=' => Some(Ordering::Equal),
        '>' => Some(Ordering::Greater),
        '!' => None,
        other => panic!("{other:?} is no answer"),
    }
}
