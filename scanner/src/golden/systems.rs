//! Layers of the distributions' images, as the corpora of this folder want them.

use crate::facts::LayerFacts;
use crate::testing::{Layer, PROGRAM, with_program};

pub(super) const STATUS: &str = "var/lib/dpkg/status";
pub(super) const INSTALLED: &str = "lib/apk/db/installed";
pub(super) const LIBRARY: &str = "lib/ld-musl-x86_64.so.1";

/// A system with a package `lib`, and where its database lies.
#[derive(Clone, Copy)]
pub(super) struct Base {
    pub(super) name: &'static str,
    pub(super) os: &'static str,
    pub(super) path: &'static str,
    pub(super) database: &'static str,
}

pub(super) const BASES: [Base; 4] = [
    Base {
        name: "debian",
        os: "ID=debian\nVERSION_ID=\"12\"\n",
        path: STATUS,
        database: "Package: lib\nStatus: install ok installed\nVersion: 1-2+deb12u1\nSource: src (1-2)\n\nPackage: base-files\nStatus: install ok installed\nVersion: 12.4+deb12u5\nArchitecture: amd64\n\n",
    },
    Base {
        name: "ubuntu",
        os: "ID=ubuntu\nVERSION_ID=\"22.04\"\n",
        path: STATUS,
        database: "Package: lib\nStatus: install ok installed\nVersion: 1-2ubuntu0.22.04.3\n\nPackage: nodejs\nStatus: install ok installed\nVersion: 20.20.2-1nodesource1\n\n",
    },
    Base {
        name: "alpine",
        os: "ID=alpine\nVERSION_ID=3.20.3\n",
        path: INSTALLED,
        database: "C:Q1x=\nP:alpine-release\nV:3.20.3-r0\n\nC:Q1x=\nP:lib\nV:1-r2\nA:x86_64\no:src\nF:lib\nR:ld-musl-x86_64.so.1\n\n",
    },
    Base {
        name: "wolfi",
        os: "ID=wolfi\nVERSION_ID=20230201\n",
        path: INSTALLED,
        database: "C:Q1x=\nP:wolfi-baselayout\nV:20230201-r7\n\nC:Q1x=\nP:lib\nV:1-r2\n\n",
    },
];

impl Base {
    /// The database's directory and name.
    pub(super) fn place(self) -> (&'static str, &'static str) {
        self.path.rsplit_once('/').unwrap()
    }

    pub(super) fn layer(self) -> Layer {
        let layer = files()
            .file("etc/os-release", self.os)
            .file(self.path, self.database);
        if self.path == STATUS {
            let list = format!("{}  {LIBRARY}\n", "0".repeat(32));
            return layer.file("var/lib/dpkg/info/lib.md5sums", list);
        }
        layer
    }

    pub(super) fn facts(self) -> LayerFacts {
        with_program(self.layer().facts(), LIBRARY, PROGRAM)
    }
}

/// Packages of two languages with their code.
pub(super) fn files() -> Layer {
    let lodash = r#"{"name":"lodash","version":"4.17.0"}"#;
    Layer::new()
        .file("app/node_modules/lodash/package.json", lodash)
        .file("app/node_modules/lodash/index.js", "x")
        .file(
            "usr/lib/python3/site-packages/yaml-5.1.dist-info/METADATA",
            "Name: yaml\nVersion: 5.1\n",
        )
        .file("usr/lib/python3/site-packages/yaml/__init__.py", "x")
}
