//! What archives say of themselves, as builds of every kind leave it.

use super::*;

const MANIFEST: &str = "META-INF/MANIFEST.MF";

/// A file's path, its entries, what is found in it, and whether it is a gap.
type Case<'a> = (&'a str, Entries<'a>, Vec<Found>, bool);

fn hold(table: &[Case<'_>]) {
    for (path, entries, wanted, is_gap) in table {
        let gaps: &[_] = if *is_gap {
            &[(GapKind::JarUnidentified, false)]
        } else {
            &[]
        };
        assert_eq!(
            found(path, &jar(entries)),
            (wanted.clone(), gaps.to_vec()),
            "{path}"
        );
    }
}

fn pom(group: &str, artifact: &str, version: &str) -> (String, Vec<u8>) {
    let name = format!("META-INF/maven/{group}/{artifact}/pom.properties");
    let text = format!("version={version}\ngroupId={group}\nartifactId={artifact}\n");
    (name, text.into_bytes())
}

#[test]
fn a_pom_inside_is_the_archives_own_only_by_name_and_version() {
    let (io, io_text) = pom("commons-io", "commons-io", "2.2");
    let (hazelcast, hazelcast_text) = pom("com.hazelcast", "hazelcast", "4.0");
    let (cli, cli_text) = pom("commons-cli", "commons-cli", "1.2");
    let class: (&str, &[u8]) = ("com/acme/A.class", b"");
    hold(&[
        (
            "lib/wiremock-2.27.2.jar",
            &[(&io, &io_text), class],
            vec![
                entry("commons-io:commons-io", "2.2", ""),
                entry("inferred wiremock", "2.27.2", ""),
            ],
            true,
        ),
        (
            "lib/hazelcast-all-4.0.jar",
            &[(&hazelcast, &hazelcast_text), class],
            vec![
                entry("com.hazelcast:hazelcast", "4.0", ""),
                entry("inferred hazelcast-all", "4.0", ""),
            ],
            true,
        ),
        (
            "lib/hazelcast-all.jar",
            &[
                (&hazelcast, &hazelcast_text),
                (
                    MANIFEST,
                    b"Implementation-Title: hazelcast\nImplementation-Version: 4.0\n",
                ),
                class,
            ],
            vec![
                entry("com.hazelcast:hazelcast", "4.0", ""),
                entry("inferred hazelcast-all", "4.0", ""),
            ],
            true,
        ),
        (
            "lib/tool.jar",
            &[(&cli, &cli_text), class],
            vec![entry("commons-cli:commons-cli", "1.2", "")],
            true,
        ),
    ]);
}

#[test]
fn a_file_that_was_named_anew_is_what_starts_in_it() {
    let (own, own_text) = pom("com.acme", "orders", "1.5");
    let class: (&str, &[u8]) = ("com/acme/A.class", b"");
    hold(&[
        (
            "app.jar",
            &[
                (&own, &own_text),
                (MANIFEST, b"Main-Class: com.acme.Main\n"),
                class,
            ],
            vec![entry("com.acme:orders", "1.5", "")],
            false,
        ),
        (
            "lib/orders-1.5-tests.jar",
            &[(&own, &own_text), class],
            vec![entry("com.acme:orders", "1.5", "")],
            false,
        ),
    ]);
}

#[test]
fn what_states_group_artifact_and_version_identifies() {
    let class: (&str, &[u8]) = ("net/y/A.class", b"");
    hold(&[
        (
            "lib/hystrix-core-1.5.18.jar",
            &[
                (
                    MANIFEST,
                    b"Implementation-Title: com.netflix#hystrix-core;1.5.18\n",
                ),
                class,
            ],
            vec![entry("com.netflix:hystrix-core", "1.5.18", "")],
            false,
        ),
        // Not that of this archive.
        (
            "lib/elastic-7.10.0.jar",
            &[
                (
                    MANIFEST,
                    b"Implementation-Title: org.elastic#server;7.10.0\n",
                ),
                class,
            ],
            vec![entry("inferred elastic", "7.10.0", "")],
            true,
        ),
        (
            "lib/core-9.0.56.jar",
            &[
                ("META-INF/native-image/org.tom.cat/core/x.json", b""),
                class,
            ],
            vec![entry("org.tom.cat:core", "9.0.56", "")],
            false,
        ),
    ]);
}

#[test]
fn plugins_bundles_and_lists_of_modules_identify() {
    let class: (&str, &[u8]) = ("net/y/A.class", b"");
    let plugin = b"Group-Id: org.jenkins-ci.plugins\nShort-Name: git\nPlugin-Version: 4.2.0\n";
    hold(&[
        (
            "plugins/git.jpi",
            &[(MANIFEST, plugin), class],
            vec![entry("org.jenkins-ci.plugins:git", "4.2.0", "")],
            false,
        ),
        (
            "plugins/org.x.a_1.2.3.v2020-07.jar",
            &[
                (
                    MANIFEST,
                    b"Bundle-SymbolicName: org.x.a\nBundle-Version: 1.2.3.v2020-07\n",
                ),
                ("META-INF/native-image/org.x/org.x.a/y.json", b""),
                class,
            ],
            vec![entry("org.x:org.x.a", "1.2.3.v2020-07", "")],
            false,
        ),
        (
            "lib/grpc-1.16.0.jar",
            &[
                (
                    "META-INF/com.line.versions.properties",
                    b"grpc.version=1.16.0\n",
                ),
                class,
            ],
            vec![entry("com.line:grpc", "1.16.0", "")],
            false,
        ),
        (
            "lib/x.aar",
            &[(
                "classes.jar",
                &jar(&[("META-INF/androidx.core_x.version", b"1.2.0\n"), class]),
            )],
            vec![entry("androidx.core:x", "1.2.0", "classes.jar")],
            false,
        ),
    ]);
}

#[test]
fn each_module_of_a_merged_archive_is_one() {
    let list = b"netty-codec.version=4.1.49.Final\nnetty-codec.repoStatus=clean\n\
                 netty-buffer.version=4.1.48.Final\n";
    let name = "META-INF/io.netty.versions.properties";
    let modules = [
        entry("io.netty:netty-buffer", "4.1.48.Final", ""),
        entry("io.netty:netty-codec", "4.1.49.Final", ""),
    ];
    let of_flink = entry(
        "org.apache.flink:flink-shaded-netty",
        "4.1.49.Final-13.0",
        "",
    );
    hold(&[
        (
            "lib/flink-shaded-netty-4.1.49.Final-13.0.jar",
            &[(name, list), ("org/apache/flink/shaded/A.class", b"")],
            [modules.to_vec(), vec![of_flink]].concat(),
            false,
        ),
        // One without classes was merged from nothing.
        ("lib/x.jar", &[(name, list)], vec![], false),
    ]);
}

#[test]
fn groups_that_moved_or_have_sisters_are_told_apart() {
    let of_core: (&str, &[u8]) = ("org/springframework/security/core/A.class", b"");
    hold(&[
        (
            "lib/dom4j-2.1.1.jar",
            &[("org/dom4j/A.class", b"")],
            vec![entry("org.dom4j:dom4j", "2.1.1", "")],
            false,
        ),
        (
            "lib/dom4j-1.6.1.jar",
            &[("org/dom4j/A.class", b"")],
            vec![entry("dom4j:dom4j", "1.6.1", "")],
            false,
        ),
        (
            "lib/spring-security-core-4.2.3.RELEASE.jar",
            &[of_core],
            vec![entry("org.springframework.security:spring-security-core", "4.2.3.RELEASE", "")],
            false,
        ),
        (
            "lib/spring-security-odd-1.0.jar",
            &[of_core],
            vec![entry("inferred spring-security-odd", "1.0", "")],
            true,
        ),
        (
            "lib/io.reactivex.rxjava2.rxjava-2.2.21.jar",
            &[("io/reactivex/A.class", b"")],
            vec![entry("io.reactivex.rxjava2:rxjava", "2.2.21", "")],
            false,
        ),
        (
            "usr/share/ant.jar",
            &[
                (MANIFEST, b"Created-By: x\n\nName: org/apache/tools/ant/\nImplementation-Version: 1.6.5\n"),
                ("org/apache/tools/ant/A.class", b""),
            ],
            vec![entry("ant:ant", "1.6.5", "")],
            false,
        ),
    ]);
}

#[test]
fn a_group_that_marks_agree_on_is_inferred_without_a_gap() {
    let text = b"Implementation-Vendor-Id: com.hazelcast\n";
    let (ecore, ecore_text) = pom("org.x", "ecore", "2.23.0-SNAPSHOT");
    hold(&[
        (
            "lib/hazelcast-jet-4.0.jar",
            &[(MANIFEST, text), ("com/hazelcast/A.class", b"")],
            vec![entry("inferred com.hazelcast:hazelcast-jet", "4.0", "")],
            false,
        ),
        (
            "lib/ecore-2.23.0.jar",
            &[(&ecore, &ecore_text), ("net/y/A.class", b"")],
            vec![
                entry("org.x:ecore", "2.23.0-SNAPSHOT", ""),
                entry("inferred org.x:ecore", "2.23.0", ""),
            ],
            false,
        ),
    ]);
}

#[test]
fn an_archive_of_web_files_is_not_nothing() {
    let script: (&str, &[u8]) = ("META-INF/resources/webjars/ui/ui.js", b"");
    let (own, text) = pom("org.webjars", "ui", "2.9.2");
    hold(&[
        (
            "lib/ui-2.9.2.jar",
            &[script],
            vec![entry("inferred ui", "2.9.2", "")],
            true,
        ),
        (
            "lib/ui-2.9.2.jar",
            &[script, (&own, &text)],
            vec![entry("org.webjars:ui", "2.9.2", "")],
            false,
        ),
        ("data/ui.zip", &[script], vec![], false),
        ("lib/texts-1.0.jar", &[("a.txt", b"")], vec![], false),
    ]);
}

#[test]
fn an_android_library_is_opened_and_called_by_its_own_name() {
    let classes = jar(&[("butterknife/A.class", b"")]);
    let content = jar(&[("classes.jar", &classes), ("AndroidManifest.xml", b"")]);
    assert_eq!(
        found("lib/butterknife-8.8.1.aar", &content),
        (
            vec![entry("inferred butterknife", "8.8.1", "classes.jar")],
            vec![(GapKind::JarUnidentified, false)]
        )
    );
}
