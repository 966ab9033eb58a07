//! A second evaluation of advisories, in Python: it shares no code with the scanner.
//!
//! It reads package databases out of root archives and records out of the feeds' archives by itself.
//! Versions are compared by `dpkg --compare-versions`, by python-packaging, and for Alpine by a
//! comparison of its own. Source: OSV schema 1.7, "Evaluation".

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Debian's Python, which has Debian's packages.
const PYTHON: &str = "/usr/bin/python3";

/// Runs the evaluation; gives the lines that it prints.
pub fn run(arguments: &[&str]) -> BTreeSet<String> {
    let home = tempfile::tempdir().expect("make a directory");
    let script = home.path().join("evaluate.py");
    std::fs::write(&script, SCRIPT).expect("write the script");
    let output = Command::new(PYTHON)
        .arg(&script)
        .args(arguments)
        .output()
        .expect("run python3");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    let printed = String::from_utf8(output.stdout).expect("text");
    printed.lines().map(str::to_owned).collect()
}

/// Tells whether python-packaging is there.
pub fn has_packaging() -> bool {
    let import = Command::new(PYTHON)
        .args(["-c", "import packaging"])
        .output();
    import.is_ok_and(|output| output.status.success())
}

/// Gives a path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path of readable characters")
}

const SCRIPT: &str = r#"
import functools, gzip, io, json, re, subprocess, sys, tarfile, zipfile

class Incomparable(Exception):
    pass

@functools.cache
def dpkg(a, b):
    for relation, sign in (("lt", -1), ("eq", 0)):
        done = subprocess.run(["dpkg", "--compare-versions", a, relation, b], stderr=subprocess.PIPE)
        if done.stderr:
            raise Incomparable(done.stderr)
        if done.returncode == 0:
            return sign
    return 1

APK = re.compile(r"(\d+(?:\.\d+)*)([a-z]?)((?:_[a-z]+\d*)*)(?:~[0-9a-f]+)?(?:-r(\d+))?")
SUFFIXES = {"alpha": -4, "beta": -3, "pre": -2, "rc": -1, "cvs": 1, "svn": 2, "git": 3, "hg": 4, "p": 5}

def sign(a, b):
    return (a > b) - (a < b)

def apk(a, b):
    left, right = APK.fullmatch(a), APK.fullmatch(b)
    if not left or not right:
        raise Incomparable(a, b)
    numbers = list(zip(left[1].split("."), right[1].split(".")))
    for at, (x, y) in enumerate(numbers):
        as_text = at > 0 and "0" in (x[0], y[0])
        if order := sign(x, y) if as_text else sign(int(x), int(y)):
            return order
    if order := sign(left[1].count("."), right[1].count(".")):
        return order
    if order := sign(left[2], right[2]):
        return order
    def suffixes(text):
        found = re.findall(r"_([a-z]+)(\d*)", text)
        return [(SUFFIXES[name], int(number or 0)) for name, number in found]
    x, y = suffixes(left[3]), suffixes(right[3])
    width = max(len(x), len(y))
    pad = lambda values: values + [(0, 0)] * (width - len(values))
    return sign(pad(x), pad(y)) or sign(int(left[4] or 0), int(right[4] or 0))

def pep440(a, b):
    from packaging.version import InvalidVersion, Version
    try:
        return sign(Version(a), Version(b))
    except InvalidVersion as error:
        raise Incomparable(error)

def in_range(version, events, compare):
    points, below_limit, limits = [], False, 0
    for event in events:
        for kind, text in event.items():
            if kind == "limit":
                limits += 1
                below_limit |= text == "*" or compare(version, text) < 0
            else:
                if text != "0":
                    compare(version, text)
                points.append((kind, text))
    def place(a, b):
        if "0" in (a[1], b[1]):
            return sign(a[1] != "0", b[1] != "0")
        return compare(a[1], b[1])
    points.sort(key=functools.cmp_to_key(place))
    affected = all(kind != "introduced" for kind, _ in points)
    for kind, text in points:
        order = 1 if text == "0" else compare(version, text)
        if kind == "introduced" and order >= 0:
            affected = True
        if kind == "fixed" and order >= 0 or kind == "last_affected" and order > 0:
            affected = False
    return affected and (not limits or below_limit)

def applies(entry, version, compare):
    versions = entry.get("versions") or []
    ranges = [each["events"] for each in entry.get("ranges") or [] if each.get("type") != "GIT"]
    ranges = [events for events in ranges if events]
    if version in versions or not versions and not ranges:
        return True
    try:
        compare(version, version)
        unknown = False
    except Incomparable:
        return True
    for events in ranges:
        try:
            if in_range(version, events, compare):
                return True
        except Incomparable:
            unknown = True
    def same(listed):
        try:
            return compare(version, listed) == 0
        except Incomparable:
            return False
    return unknown or not ranges and any(same(listed) for listed in versions)

def records(feeds, ecosystem):
    archive = zipfile.ZipFile(f"{feeds}/{ecosystem}/all.zip")
    for name in archive.namelist():
        record = json.loads(archive.read(name))
        if not record.get("withdrawn"):
            yield record

def by_package(feeds, ecosystem, normal=lambda name: name):
    found = {}
    for record in records(feeds, ecosystem):
        for entry in record.get("affected") or []:
            package = entry.get("package") or {}
            if package.get("ecosystem") == ecosystem:
                found.setdefault(normal(package["name"]), []).append((record, entry))
    return found

CVE = re.compile(r"(?:[A-Za-z]+-)?(CVE-\d{4}-\d{4,})")

def cves(names):
    return {match[1] for match in map(CVE.fullmatch, names) if match}

def shown(record):
    own = cves([record["id"], *record.get("aliases", [])])
    return {min(own)} if own else cves(record.get("upstream", [])) or {record["id"]}

def member(root, path):
    content = gzip.open(root) if root.endswith(".gz") else open(root, "rb")
    with tarfile.open(fileobj=io.BytesIO(content.read())) as archive:
        for name in (path, "./" + path):
            if name in archive.getnames():
                return archive.extractfile(name).read().decode()
    sys.exit(f"no {path} in {root}")

def stanzas(text):
    for block in re.split(r"\n\n+", text):
        lines = [line for line in block.splitlines() if line[:1] not in (" ", "\t")]
        yield dict(line.split(":", 1) for line in lines if ":" in line)

def debian(root):
    for fields in stanzas(member(root, "var/lib/dpkg/status")):
        fields = {key: value.strip() for key, value in fields.items()}
        if fields.get("Status", "").split()[-1:] in (["not-installed"], ["config-files"], []):
            continue
        source, _, version = fields.get("Source", fields["Package"]).partition(" ")
        yield fields["Package"], source, version.strip("()") or fields["Version"]

def alpine(root):
    for fields in stanzas(member(root, "lib/apk/db/installed")):
        if "P" in fields:
            yield fields["P"], fields.get("o", fields["P"]), fields["V"]

def system(feeds, ecosystem, root):
    packages, compare = (alpine, apk) if ecosystem.startswith("Alpine") else (debian, dpkg)
    known = by_package(feeds, ecosystem)
    for name, source, version in packages(root):
        for record, entry in known.get(source, []):
            if applies(entry, version, compare):
                for identity in shown(record):
                    print(name, identity)

def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()

def questions(known, most):
    asked = 0
    for name in sorted(known):
        versions = []
        for _, entry in known[name]:
            versions += (entry.get("versions") or [])[:1]
            for each in entry.get("ranges") or []:
                if each.get("type") != "GIT":
                    versions += [text for event in each["events"] for text in event.values()]
        for version in sorted(set(versions))[:4]:
            if asked < most:
                asked += 1
                yield name, version

def pypi(feeds, answer):
    known = by_package(feeds, "PyPI", normal)
    for name, version in questions(known, 3000):
        if not answer:
            print(name, version)
            continue
        for record, entry in known[name]:
            if applies(entry, version, pep440):
                print(name, version, record["id"])

if sys.argv[1] == "pypi":
    pypi(sys.argv[2], sys.argv[3] == "answers")
else:
    system(*sys.argv[1:4])
"#;
