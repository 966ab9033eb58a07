//! What the installers of languages write.

use super::{Sample, texts};
use crate::analyzers::archive::tests::zip;

pub(super) fn of(analyzer: &str) -> Option<Vec<Sample>> {
    Some(match analyzer {
        "language/python" => texts(&PYTHON),
        "language/python-files" => texts(&PYTHON_FILES),
        "language/npm" => texts(&NPM),
        "language/jar-unpacked" => texts(&UNPACKED_JARS),
        "language/gem" => texts(&GEM),
        "language/dotnet" => texts(&DOTNET),
        "language/composer" => texts(&COMPOSER),
        "language/pear" => texts(&PEAR),
        "language/conda" => texts(&CONDA),
        "language/bitnami" => texts(&BITNAMI),
        "language/cran" => texts(&CRAN),
        "language/erlang" => texts(&ERLANG),
        "language/perl" => texts(&PERL),
        "declared/lockfiles" => texts(&LOCKFILES),
        "claims/sbom" => texts(&SBOMS),
        _ => return None,
    })
}

const PYTHON: [(&str, &str); 8] = [
    (
        "usr/lib/python3/dist-packages/Flask-1.0.dist-info/METADATA",
        "Metadata-Version: 2.1\nName: Flask\nVersion: 1.0\nLicense: BSD\nLicense-Expression: BSD-3-Clause\n\nName: body\n",
    ),
    (
        "x/Flask.egg-info/PKG-INFO",
        "name: lower\nVERSION: 2.0.post1\nClassifier: License :: OSI Approved :: MIT License\n",
    ),
    (
        "x/a-1.0-py3.11.egg/EGG-INFO/PKG-INFO",
        "Name: a\n b\nVersion:   1!2.0+local  \n",
    ),
    ("x/Flask-1.0.egg-info", "Name: Flask\nVersion: 1.0\n"),
    ("x/other/METADATA", "Name: no\nVersion: 1\n"),
    ("a.dist-info/METADATA", "Name: a\n\nVersion: 1\n"),
    (
        "site-packages/pip/_vendor/vendor.txt",
        "# comment\nurllib3==1.26.17  # why\n    idna==3.7\nloose>=1\nv===1\n\n",
    ),
    ("x/_vendor/licenses.txt", "MIT\n"),
];

const PYTHON_FILES: [(&str, &str); 4] = [
    (
        "usr/lib/python3/site-packages/PyYAML-6.0.dist-info/RECORD",
        "yaml/__init__.py,sha256=x,1\nyaml/_yaml.cpython-311.so,,\n\"odd,name/x.py\",,\nsix.py,,\n../../../bin/tool,,\n../../../../../../out,,\n",
    ),
    (
        "usr/lib/python3/site-packages/PyYAML-6.0.dist-info/top_level.txt",
        "_yaml\nyaml\n",
    ),
    (
        "usr/lib/python3/site-packages/PyYAML-6.0.egg-info/installed-files.txt",
        "../yaml/__init__.py\nPKG-INFO.\n",
    ),
    (
        "usr/lib/python3/site-packages/other/RECORD",
        "yaml/__init__.py,,\n",
    ),
];

const NPM: [(&str, &str); 8] = [
    (
        "app/node_modules/old/package.json",
        r#"{"name":"old","version":" =v0.0.8 ","licenses":[{"type":"MIT"},{"type":"ISC"}]}"#,
    ),
    (
        "app/node_modules/lodash/package.json",
        r#"{"name":"lodash","version":"4.17.0","license":"MIT","dependencies":{"a":"^1"}}"#,
    ),
    (
        "app/node_modules/@angular/core/package.json",
        "\u{feff}{\"version\":\"1.0.0-rc.1\",\"name\":\"@angular/core\"}",
    ),
    (
        "app/node_modules/.pnpm/a@1/node_modules/a/package.json",
        r#"{"name":"a","version":"1","name":"b"}"#,
    ),
    ("app/package.json", r#"{"name":"app","version":"0.0.0"}"#),
    (
        "app/node_modules/x/package.json",
        r#"{"name":"","version":"1"}"#,
    ),
    (
        "app/node_modules/x/package.json",
        r#"{"name":7,"version":["1"]}"#,
    ),
    ("app/node_modules/x/package.json", "{"),
];

const UNPACKED_JARS: [(&str, &str); 5] = [
    (
        "app/x/META-INF/MANIFEST.MF",
        "Bundle-SymbolicName: xstream\nBundle-Version: 1.4.17\n",
    ),
    (
        "app/META-INF/maven/org.x/a/pom.properties",
        "#Generated\r\nversion=1.0\r\ngroupId=org.x\r\nartifactId=a\r\n",
    ),
    (
        "srv/ROOT/WEB-INF/classes/META-INF/maven/org.x/b/pom.properties",
        "version = 2\ngroupId: org.x\nartifactId=b\n",
    ),
    (
        "META-INF/maven/g/a/pom.properties",
        "version=${project.version}\n",
    ),
    (
        "src/pom.properties",
        "version=1.0\ngroupId=org.x\nartifactId=a\n",
    ),
];

const GEM: [(&str, &str); 8] = [
    (
        "a/specifications/c-1.gemspec",
        "  s.name = 'c' # x\n  s.version = \"1\".freeze # y\n  s.licenses = [\"MIT\".freeze]\n",
    ),
    (
        "usr/lib/ruby/gems/3.1.0/specifications/rake-13.0.6.gemspec",
        "Gem::Specification.new do |s|\n  s.name = \"rake\".freeze\n  s.version = \"13.0.6\"\nend\n",
    ),
    (
        "usr/lib/ruby/gems/3.1.0/specifications/rake-13.0.6.gemspec",
        "Gem::Specification.new do |s|\n  s.name = %q{rake}\n  s.version = Gem::Version.new('13.0.6')\nend\n",
    ),
    (
        "usr/lib/ruby/gems/3.1.0/specifications/rake-13.0.6.gemspec",
        "Gem::Specification.new do |s|\n  s.name = \"rake\"\n  s.version = Rake::VERSION\nend\n",
    ),
    (
        "a/specifications/pg-1.4.5-x86_64-linux.gemspec",
        "# -*- encoding: utf-8 -*-\n# stub: pg 1.4.5 x86_64-linux lib\0ext\n\nraise\n",
    ),
    (
        "a/specifications/x-1.gemspec",
        "# stub: y 2 ruby lib\n  s.name = 'x'\n  s.version = '1'\n",
    ),
    (
        "a/bundler/gems/z-0a1b2c3d4e5f/z.gemspec",
        "Gem::Specification.new do |s|\n  s.name = 'z'\n  s.version = '0.1'\nend\n",
    ),
    ("home/project/p.gemspec", "s.name = 'p'\ns.version = '1'\n"),
];

const DOTNET: [(&str, &str); 6] = [
    (
        "app/a.deps.json",
        r#"{"runtimeTarget":{"name":".NETCoreApp,Version=v6.0/linux-x64"},"targets":{".NETCoreApp,Version=v6.0":{},".NETCoreApp,Version=v6.0/linux-x64":{"Newtonsoft.Json/12.0.3":{"runtime":{"lib/a.dll":{}}},"Meta/1.0.0":{"runtime":{"lib/_._":{}}},"app/1.0.0":{}}},"libraries":{"Newtonsoft.Json/12.0.3":{"type":"package"},"Meta/1.0.0":{"type":"package"},"app/1.0.0":{"type":"project"},"Unused/1.0":{"type":"package"}}}"#,
    ),
    (
        "usr/share/dotnet/shared/Microsoft.NETCore.App/3.1.23/Microsoft.NETCore.App.deps.json",
        r#"{"runtimeTarget":{"name":".NETCoreApp,Version=v3.1/linux-musl-x64"},"libraries":{"Microsoft.NETCore.App/3.1.23-servicing.1":{"type":"package"}}}"#,
    ),
    (
        "a.deps.json",
        r#"{"libraries":{"NoVersion":{"type":"package"},"/1.0":{"type":"package"},"Name/":{"type":"package"},"B/2":{}}}"#,
    ),
    (
        "a.deps.json",
        r#"{"runtimeTarget":"x","targets":{},"libraries":{"A/1":{"type":"package"}}}"#,
    ),
    ("a.deps.json", "{\"libraries\":"),
    ("a.deps.json", "{}"),
];

const COMPOSER: [(&str, &str); 5] = [
    (
        "app/vendor/composer/installed.json",
        r#"[{"name":"monolog/monolog","version":"v2.9.1","license":["MIT","ISC"],"extra":{"a":[]}},{"name":"symfony/console","version":"dev-main"}]"#,
    ),
    (
        "app/lib/composer/installed.json",
        r#"{"packages":[{"name":"a/b","version":"1"},{"name":"a/c"},{}],"dev":true,"dev-package-names":["x/y"]}"#,
    ),
    (
        "app/vendor/installed.json",
        r#"[{"name":"no/no","version":"1"}]"#,
    ),
    ("composer/installed.json", "[{]"),
    ("composer/installed.json", "7"),
];

const PEAR: [(&str, &str); 6] = [
    (
        "lib/.registry/.channel.pecl.php.net/apc.reg",
        "a:2:{s:7:\"package\";s:3:\"APC\";s:7:\"version\";s:5:\"3.1.9\";}",
    ),
    (
        "usr/share/php/.registry/x.reg",
        "a:4:{s:7:\"attribs\";a:1:{s:7:\"version\";s:3:\"2.0\";}s:4:\"name\";s:11:\"Archive_Tar\";s:7:\"channel\";s:12:\"pear.php.net\";s:7:\"version\";a:2:{s:3:\"api\";s:3:\"9.9\";s:7:\"release\";s:6:\"1.4.14\";}}",
    ),
    (
        "usr/share/php/.registry/.channel.pecl.php.net/x.reg",
        "a:4:{s:7:\"channel\";s:12:\"pecl.php.net\";s:7:\"package\";s:3:\"APC\";i:0;N;s:7:\"version\";s:5:\"3.1.9\";}\n",
    ),
    (".registry/x.reg", "a:1:{s:4:\"name\";s:999:\"x\";}"),
    (".registry/x.reg", "O:1:\"X\":0:{}"),
    ("windows/system.reg", "REGEDIT4"),
];

const CONDA: [(&str, &str); 4] = [
    (
        "opt/env/conda-meta/openssl-3.0.7-h0_1.json",
        r#"{"arch":"x86_64","build":"h0_1","files":["lib/libssl.so.3"],"name":"openssl","subdir":"linux-64","version":"3.0.7"}"#,
    ),
    ("conda-meta/a.json", r#"{"name":"a","version":""}"#),
    ("conda-meta/b.json", r#"{"name":"b","version":"1"}"#),
    ("conda-meta/c.json", "[]"),
];

const BITNAMI: [(&str, &str); 3] = [
    (
        "opt/bitnami/.bitnami_components.json",
        r#"{"nginx":{"arch":"amd64","distro":"debian-12","type":"NAMI","version":"1.25.3-1"},"a":{}}"#,
    ),
    (".bitnami_components.json", "[]"),
    (".bitnami_components.json", "{"),
];

const CRAN: [(&str, &str); 5] = [
    (
        "usr/lib/R/library/Rcpp/DESCRIPTION",
        "Package: Rcpp\nTitle: Seamless\n  Version: 9\nVersion: 1.0.10\nBuilt: R 4.2.2; x86_64-pc-linux-gnu; 2023-01-23; unix\n",
    ),
    (
        "library/x/DESCRIPTION",
        "Package: x\nVersion: 1\nBuilt: R 4\nbiocViews: Infrastructure\n",
    ),
    ("library/x/DESCRIPTION", "Package: a\nBuilt: R 4\n"),
    ("src/x/DESCRIPTION", "Package: x\nVersion: 1\n"),
    ("README/DESCRIPTION", "This is a README.\n"),
];

const ERLANG: [(&str, &str); 5] = [
    (
        "lib/cowboy-2.9.0/ebin/cowboy.app",
        "{application,cowboy,[{env,[{vsn,\"1\"},{a,<<\"b\">>},{c,$\"},{e,$\\\"},{d,#{}}]},{vsn,\"2.9.0\"}]}.",
    ),
    (
        "lib/a/ebin/a.app",
        "%% {vsn,\"0\"}\n{application, 'a-b', % x\n  [{vsn , \"2.9.0\"}]}.\n",
    ),
    ("lib/a/ebin/a.app", "{application,a,[{vsn,git}]}."),
    ("lib/a/ebin/a.app", "{application,a,[{vsn,\"1\"}]"),
    ("lib/a/ebin/a.app", "{release,a,[{vsn,\"1\"}]}."),
];

const PERL: [(&str, &str); 5] = [
    (
        "usr/local/lib/perl5/x86_64-linux/.meta/Hash-MultiValue-0.10/install.json",
        r#"{"dist":"Hash-MultiValue-0.10","name":"Hash::MultiValue","version":"0.10"}"#,
    ),
    (
        "lib/.meta/URI-5.1-TRIAL/install.json",
        r#"{"dist":"URI-5.1-TRIAL","name":"X","version":"0"}"#,
    ),
    (".meta/x/install.json", r#"{"dist":"nothing"}"#),
    ("web/install.json", r#"{"dist":"a-1"}"#),
    (
        "usr/lib/perl5/perllocal.pod",
        "=head2 Tue Nov  2 2021: C<Module> L<DBD::Pg|DBD::Pg>\n\n=over 4\n\n=item *\n\nC<VERSION: 3.1>\n\n=back\n\n=head2 x: C<Module> L<URI|URI>\n\nC<VERSION: 5.1>\n\n=head2 x: C<Module> L<A|A>\n",
    ),
];

const LOCKFILES: [(&str, &str); 20] = [
    (
        "pylock.toml",
        "[[packages]]\nname = \"a\"\nversion = \"1\"\n[[packages]]\nname = \"own\"\nversion = \"0\"\n[packages.directory]\npath = \".\"\n",
    ),
    (
        "pdm.lock",
        "[[package]]\nname = \"a\"\nversion = \"1\"\nsummary = \"\"\"\nname = \"b\"\n\"\"\"\n",
    ),
    (
        "bun.lock",
        "{\n  \"packages\": {\n    \"a\": [\"a@1.0.0\", \"\", {}, \"x\"], // c\n    \"own\": [\"own@workspace:own\"],\n  },\n}\n",
    ),
    (
        "deno.lock",
        r#"{"version":"5","npm":{"a@1.0.0_b@2":{"integrity":"x"}},"jsr":{"@std/c@1":{}}}"#,
    ),
    ("go.mod", "require a v1.0.0\nreplace a => b v1.1.0\n"),
    (
        "package-lock.json",
        r#"{"lockfileVersion":3,"packages":{"":{"name":"own"},"node_modules/@a/b":{"version":"1"},"node_modules/l":{"link":true}},"dependencies":{"c":{"version":"2","dependencies":{"d":{"version":"3"}}}}}"#,
    ),
    (
        "npm-shrinkwrap.json",
        r#"{"dependencies":{"a":{"version":"npm:b@1"},"g":{"version":"git+ssh://x"}}}"#,
    ),
    (
        "yarn.lock",
        "# yarn lockfile v1\n\n\"@a/b@^1\", c@2:\n  version \"1.2.3\"\n\nd@npm:^3:\n  version: 3.0.0\n",
    ),
    (
        "pnpm-lock.yaml",
        "lockfileVersion: '9.0'\npackages:\n  '@a/b@1(c@2)':\n  /d/1_e:\n  /f@2:\n",
    ),
    (
        "Pipfile.lock",
        r#"{"_meta":{},"default":{"a":{"version":"==1.0"},"own":{"path":"."}},"develop":{"b":{"version":"==2"}}}"#,
    ),
    (
        "poetry.lock",
        "[[package]]\nname = \"a\"\nversion = \"1\"\n\n[[package]]\nname = \"b\"\nversion = \"2\"\nsource = { path = \".\" }\n",
    ),
    (
        "uv.lock",
        "[[package]]\nname = \"a\"\nversion = \"1\"\nsource = { registry = \"https://x\" }\n\n[[package]]\nname = \"own\"\nversion = \"0\"\nsource = { editable = \".\" }\n",
    ),
    (
        "requirements.txt",
        "# x==1\na==1.0 \\\n    --hash=sha256:0\nb[x,y] == 2.0;python_version<'3'\nc>=1\nd===1\ne==1.*\n-r f==1\n",
    ),
    (
        "Gemfile.lock",
        "PATH\n  remote: .\n  specs:\n    own (0.1)\n\nGEM\n  specs:\n    a (1.0)\n      b (>= 1)\n    b (2.0-x86_64-linux)\n\nDEPENDENCIES\n  a (~> 1)\n",
    ),
    (
        "Cargo.lock",
        "version = 3\n\n[[package]]\nname = \"own\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"serde\"\nversion = \"1.0.2\"\nsource = \"registry+https://x\"\n",
    ),
    (
        "go.mod",
        "module x\n\ngo 1.21\n\nrequire a.example/a v1.0.0\n\nrequire (\n\tb.example/b v2.0.0 // indirect\n)\n\nreplace c => d v3.0.0\n",
    ),
    (
        "composer.lock",
        r#"{"packages":[{"name":"a/a","version":"v1"}],"packages-dev":[{"name":"b/b","version":"2"},{}]}"#,
    ),
    (
        "packages.lock.json",
        r#"{"version":1,"dependencies":{"net6.0":{"A":{"type":"Direct","resolved":"1.0.0"},"own":{"type":"Project"}}}}"#,
    ),
    (
        "mix.lock",
        "%{\n  \"a\": {:hex, :a, \"1.0.0\", \"0f\", [:mix], [{:b, \"~> 2.0\", [hex: :b]}], \"hexpm\"},\n  \"c\": {:git, \"https://x\", \"0a\", []},\n}\n",
    ),
    ("other.lock", "a = 1\n"),
];

const SBOMS: [(&str, &str); 7] = [
    (
        "app/bom.json",
        r#"{"bomFormat":"CycloneDX","specVersion":"1.5","metadata":{"component":{"name":"app","purl":"pkg:npm/app@1"}},"components":[{"name":"nameless"},{"purl":"pkg:npm/a@2","components":[{"purl":"pkg:npm/%40s/b@3"}]},{"purl":"pkg:deb/debian/x@1?arch=amd64&distro=debian-12"},{"purl":"nonsense"}]}"#,
    ),
    (
        "var/lib/db/sbom/x.spdx.json",
        r#"{"spdxVersion":"SPDX-2.3","packages":[{"name":"x","externalRefs":[{"referenceType":"cpe23Type","referenceLocator":"cpe:2.3:a:x"},{"referenceType":"purl","referenceLocator":"pkg:maven/org.x/y@4"}]},{"name":"z"}]}"#,
    ),
    (
        "opt/bitnami/x/.spdx-x.spdx",
        r#"{"spdxVersion":"SPDX-2.3","packages":[{"externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:bitnami/nginx@1.2.3-4?arch=amd64"}]}]}"#,
    ),
    (
        "usr/share/x.spdx",
        "SPDXVersion: SPDX-2.2\nPackageName: x\nExternalRef: PACKAGE-MANAGER purl pkg:pypi/x@5\nExternalRef: SECURITY cpe23Type cpe:2.3:a:x\n",
    ),
    (
        "x.cdx.json",
        r#"{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld"}"#,
    ),
    ("x.cdx.json", "{"),
    ("bom.json", "[]"),
];

pub(super) fn wheels() -> Vec<Sample> {
    let metadata = b"Name: a\nVersion: 1\n";
    let wheel = zip(&[("a-1.dist-info/METADATA", metadata), ("a/__init__.py", b"")]);
    let egg = zip(&[
        ("EGG-INFO/PKG-INFO", b"Name: e\nVersion: 2\n"),
        ("e.py", b""),
    ]);
    let launcher = [b"#!/usr/bin/python\n".as_slice(), &wheel].concat();
    vec![
        ("opt/a-1-py3-none-any.whl", wheel.clone()),
        ("opt/e-2.egg", egg.clone()),
        ("opt/a.pyz", launcher),
        (
            "opt/a.pex",
            zip(&[
                (".deps/a-1.whl/a-1.dist-info/METADATA", metadata),
                ("x.whl", &wheel),
            ]),
        ),
        (
            "opt/bad.whl",
            zip(&[("a-1.dist-info/METADATA", b"Name: a\n")]),
        ),
        ("opt/none.whl", b"not a zip".to_vec()),
    ]
}

pub(super) fn yarns() -> Vec<Sample> {
    let content = zip(&[
        (
            "node_modules/@s/a/package.json",
            br#"{"name":"@s/a","version":"1.0.0"}"#,
        ),
        (
            "node_modules/@s/a/dist/esm/package.json",
            br#"{"type":"module"}"#,
        ),
    ]);
    vec![
        (
            "app/.yarn/cache/@s-a-npm-1.0.0-0123456789-10.zip",
            content.clone(),
        ),
        ("root/.yarn/berry/cache/x.zip", content.clone()),
        ("var/cache/a.zip", content),
        (
            ".yarn/cache/b.zip",
            zip(&[("node_modules/a/package.json", b"{}")]),
        ),
        (".yarn/cache/c.zip", b"no archive".to_vec()),
    ]
}
