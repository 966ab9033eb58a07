//! Artifacts that are published without Maven's own files inside, by file name and classes.
//!
//! They are built by Ant or Gradle, so neither `pom.properties` nor `pom.xml` names their group. A
//! row holds only where classes lie in the directory it names. A name that ends in `*` covers every
//! name that starts so.
//!
//! Source: the artifacts' entries on Maven Central, and their content.

/// An artifact that is known by its file's name and its classes.
#[derive(Debug)]
pub(super) struct Known {
    /// The file's name without version and ending.
    file: &'static str,
    group: &'static str,
    /// The artifact, where its name is not the file's.
    artifact: &'static str,
    /// The directory of the classes.
    pub(super) classes: &'static str,
}

impl Known {
    /// Gives the artifact's name.
    pub(super) fn artifact<'a>(&self, file: &'a str) -> &'a str {
        if self.artifact.is_empty() {
            file
        } else {
            self.artifact
        }
    }

    /// Gives the group; projects that moved are published under the new one since some version.
    pub(super) fn group(&self, version: &str) -> &'static str {
        let major = version
            .split('.')
            .next()
            .and_then(|major| major.parse::<u32>().ok())
            .unwrap_or(0);
        match self.group {
            "org.codehaus.groovy" if major >= 4 => "org.apache.groovy",
            "org.hibernate" if major >= 6 => "org.hibernate.orm",
            group => group,
        }
    }
}

/// Finds the row of a file's name; an exact one comes before one that ends in `*`.
pub(super) fn by_file(name: &str) -> Option<&'static Known> {
    let exact = ALL.iter().find(|known| known.file == name);
    let covers = |known: &&Known| {
        let start = known.file.strip_suffix('*');
        start.is_some_and(|start| name.starts_with(start))
    };
    exact.or_else(|| ALL.iter().find(covers))
}

const fn same(file: &'static str, group: &'static str, classes: &'static str) -> Known {
    named(file, group, "", classes)
}

const fn named(
    file: &'static str,
    group: &'static str,
    artifact: &'static str,
    classes: &'static str,
) -> Known {
    Known {
        file,
        group,
        artifact,
        classes,
    }
}

const SPRING: &str = "org.springframework";
const TOMCAT: &str = "org.apache.tomcat";

static ALL: &[Known] = &[
    // The Spring family.
    same("spring-aop", SPRING, "org/springframework/aop/"),
    same("spring-aspects", SPRING, "org/springframework/"),
    same("spring-beans", SPRING, "org/springframework/beans/"),
    same("spring-context", SPRING, "org/springframework/context/"),
    same(
        "spring-context-indexer",
        SPRING,
        "org/springframework/context/",
    ),
    same("spring-context-support", SPRING, "org/springframework/"),
    same("spring-core", SPRING, "org/springframework/core/"),
    same(
        "spring-expression",
        SPRING,
        "org/springframework/expression/",
    ),
    same(
        "spring-instrument",
        SPRING,
        "org/springframework/instrument/",
    ),
    same("spring-jcl", SPRING, "org/apache/commons/logging/"),
    same("spring-jdbc", SPRING, "org/springframework/jdbc/"),
    same("spring-jms", SPRING, "org/springframework/jms/"),
    same("spring-messaging", SPRING, "org/springframework/messaging/"),
    same("spring-orm", SPRING, "org/springframework/orm/"),
    same("spring-oxm", SPRING, "org/springframework/oxm/"),
    same("spring-r2dbc", SPRING, "org/springframework/r2dbc/"),
    same("spring-test", SPRING, "org/springframework/"),
    same("spring-tx", SPRING, "org/springframework/"),
    same("spring-web", SPRING, "org/springframework/web/"),
    same(
        "spring-webflux",
        SPRING,
        "org/springframework/web/reactive/",
    ),
    same("spring-webmvc", SPRING, "org/springframework/web/servlet/"),
    same(
        "spring-webmvc-portlet",
        SPRING,
        "org/springframework/web/portlet/",
    ),
    same(
        "spring-websocket",
        SPRING,
        "org/springframework/web/socket/",
    ),
    same(
        "spring-boot*",
        "org.springframework.boot",
        "org/springframework/boot/",
    ),
    same(
        "spring-security-*",
        "org.springframework.security",
        "org/springframework/security/",
    ),
    same(
        "spring-session-*",
        "org.springframework.session",
        "org/springframework/session/",
    ),
    same(
        "spring-integration-*",
        "org.springframework.integration",
        "org/springframework/integration/",
    ),
    same(
        "spring-batch-*",
        "org.springframework.batch",
        "org/springframework/batch/",
    ),
    same(
        "spring-kafka",
        "org.springframework.kafka",
        "org/springframework/kafka/",
    ),
    same(
        "spring-amqp",
        "org.springframework.amqp",
        "org/springframework/amqp/",
    ),
    same(
        "spring-rabbit",
        "org.springframework.amqp",
        "org/springframework/amqp/",
    ),
    same(
        "spring-graphql",
        "org.springframework.graphql",
        "org/springframework/graphql/",
    ),
    same(
        "spring-ldap-core",
        "org.springframework.ldap",
        "org/springframework/ldap/",
    ),
    same(
        "spring-hateoas",
        "org.springframework.hateoas",
        "org/springframework/hateoas/",
    ),
    same("reactor-core", "io.projectreactor", "reactor/core/"),
    same(
        "reactor-netty-core",
        "io.projectreactor.netty",
        "reactor/netty/",
    ),
    same(
        "reactor-netty-http",
        "io.projectreactor.netty",
        "reactor/netty/http/",
    ),
    same("micrometer-*", "io.micrometer", "io/micrometer/"),
    // Tomcat, embedded and as its own distribution.
    same(
        "tomcat-embed-core",
        "org.apache.tomcat.embed",
        "org/apache/catalina/",
    ),
    same(
        "tomcat-embed-el",
        "org.apache.tomcat.embed",
        "org/apache/el/",
    ),
    same(
        "tomcat-embed-jasper",
        "org.apache.tomcat.embed",
        "org/apache/jasper/",
    ),
    same(
        "tomcat-embed-websocket",
        "org.apache.tomcat.embed",
        "org/apache/tomcat/websocket/",
    ),
    named(
        "catalina",
        TOMCAT,
        "tomcat-catalina",
        "org/apache/catalina/",
    ),
    named(
        "catalina-ant",
        TOMCAT,
        "tomcat-catalina-ant",
        "org/apache/catalina/",
    ),
    named(
        "catalina-ha",
        TOMCAT,
        "tomcat-catalina-ha",
        "org/apache/catalina/ha/",
    ),
    named(
        "catalina-ssi",
        TOMCAT,
        "tomcat-ssi",
        "org/apache/catalina/ssi/",
    ),
    named(
        "catalina-storeconfig",
        TOMCAT,
        "tomcat-storeconfig",
        "org/apache/catalina/storeconfig/",
    ),
    named(
        "catalina-tribes",
        TOMCAT,
        "tomcat-tribes",
        "org/apache/catalina/tribes/",
    ),
    named("jasper", TOMCAT, "tomcat-jasper", "org/apache/jasper/"),
    named("jasper-el", TOMCAT, "tomcat-jasper-el", "org/apache/el/"),
    named(
        "servlet-api",
        TOMCAT,
        "tomcat-servlet-api",
        "javax/servlet/",
    ),
    named("jsp-api", TOMCAT, "tomcat-jsp-api", "javax/servlet/jsp/"),
    named("el-api", TOMCAT, "tomcat-el-api", "javax/el/"),
    named(
        "websocket-api",
        TOMCAT,
        "tomcat-websocket-api",
        "javax/websocket/",
    ),
    named(
        "bootstrap",
        TOMCAT,
        "tomcat-catalina",
        "org/apache/catalina/startup/",
    ),
    same("tomcat-api", TOMCAT, "org/apache/tomcat/"),
    same("tomcat-coyote", TOMCAT, "org/apache/coyote/"),
    same("tomcat-dbcp", TOMCAT, "org/apache/tomcat/dbcp/"),
    same("tomcat-jdbc", TOMCAT, "org/apache/tomcat/jdbc/"),
    same("tomcat-jni", TOMCAT, "org/apache/tomcat/jni/"),
    same("tomcat-juli", TOMCAT, "org/apache/juli/"),
    same("tomcat-util", TOMCAT, "org/apache/tomcat/util/"),
    same("tomcat-util-scan", TOMCAT, "org/apache/tomcat/util/"),
    same("tomcat-websocket", TOMCAT, "org/apache/tomcat/websocket/"),
    // Apache projects without Maven's files in some or all releases.
    same("log4j", "log4j", "org/apache/log4j/"),
    same(
        "log4j-*",
        "org.apache.logging.log4j",
        "org/apache/logging/log4j/",
    ),
    same("ant", "org.apache.ant", "org/apache/tools/ant/"),
    same("ant-*", "org.apache.ant", "org/apache/tools/ant/"),
    same("axis", "axis", "org/apache/axis/"),
    same(
        "commons-beanutils",
        "commons-beanutils",
        "org/apache/commons/beanutils/",
    ),
    same(
        "commons-collections",
        "commons-collections",
        "org/apache/commons/collections/",
    ),
    same(
        "commons-collections4",
        "org.apache.commons",
        "org/apache/commons/collections4/",
    ),
    same(
        "commons-compress",
        "org.apache.commons",
        "org/apache/commons/compress/",
    ),
    same(
        "commons-configuration2",
        "org.apache.commons",
        "org/apache/commons/configuration2/",
    ),
    same(
        "commons-fileupload",
        "commons-fileupload",
        "org/apache/commons/fileupload/",
    ),
    same(
        "commons-httpclient",
        "commons-httpclient",
        "org/apache/commons/httpclient/",
    ),
    same("commons-io", "commons-io", "org/apache/commons/io/"),
    same(
        "commons-jxpath",
        "commons-jxpath",
        "org/apache/commons/jxpath/",
    ),
    same(
        "commons-logging",
        "commons-logging",
        "org/apache/commons/logging/",
    ),
    same("commons-net", "commons-net", "org/apache/commons/net/"),
    same(
        "commons-text",
        "org.apache.commons",
        "org/apache/commons/text/",
    ),
    same("derby", "org.apache.derby", "org/apache/derby/"),
    same("groovy", "org.codehaus.groovy", "groovy/lang/"),
    same("groovy-all", "org.codehaus.groovy", "groovy/lang/"),
    same("ivy", "org.apache.ivy", "org/apache/ivy/"),
    same("kafka-clients", "org.apache.kafka", "org/apache/kafka/"),
    same("kafka_2.12", "org.apache.kafka", "kafka/"),
    same("kafka_2.13", "org.apache.kafka", "kafka/"),
    same("lucene-*", "org.apache.lucene", "org/apache/lucene/"),
    same("poi", "org.apache.poi", "org/apache/poi/"),
    same("poi-ooxml", "org.apache.poi", "org/apache/poi/"),
    same("solr-core", "org.apache.solr", "org/apache/solr/"),
    same("solr-solrj", "org.apache.solr", "org/apache/solr/"),
    same("struts", "struts", "org/apache/struts/"),
    same("velocity", "org.apache.velocity", "org/apache/velocity/"),
    same("xalan", "xalan", "org/apache/xalan/"),
    same("xercesImpl", "xerces", "org/apache/xerces/"),
    same("xmlrpc", "xmlrpc", "org/apache/xmlrpc/"),
    // Databases and what speaks with them.
    same("c3p0", "com.mchange", "com/mchange/v2/c3p0/"),
    same("h2", "com.h2database", "org/h2/"),
    same("hibernate-core", "org.hibernate", "org/hibernate/"),
    same("hibernate-entitymanager", "org.hibernate", "org/hibernate/"),
    same("hsqldb", "org.hsqldb", "org/hsqldb/"),
    same("mysql-connector-j", "com.mysql", "com/mysql/"),
    same("mysql-connector-java", "mysql", "com/mysql/"),
    same("ojdbc8", "com.oracle.database.jdbc", "oracle/jdbc/"),
    same("ojdbc11", "com.oracle.database.jdbc", "oracle/jdbc/"),
    same("postgresql", "org.postgresql", "org/postgresql/"),
    same("mongodb-driver-core", "org.mongodb", "com/mongodb/"),
    same("mongodb-driver-sync", "org.mongodb", "com/mongodb/"),
    same("bson", "org.mongodb", "org/bson/"),
    // Languages, networks, cryptography.
    same("kotlin-*", "org.jetbrains.kotlin", "kotlin/"),
    same(
        "kotlinx-coroutines-*",
        "org.jetbrains.kotlinx",
        "kotlinx/coroutines/",
    ),
    same(
        "kotlinx-serialization-*",
        "org.jetbrains.kotlinx",
        "kotlinx/serialization/",
    ),
    same("annotations", "org.jetbrains", "org/jetbrains/annotations/"),
    same("scala-library", "org.scala-lang", "scala/"),
    same("scala-reflect", "org.scala-lang", "scala/reflect/"),
    same("scala-compiler", "org.scala-lang", "scala/tools/"),
    same("okhttp", "com.squareup.okhttp3", "okhttp3/"),
    same("okhttp-jvm", "com.squareup.okhttp3", "okhttp3/"),
    same("okio", "com.squareup.okio", "okio/"),
    same("okio-jvm", "com.squareup.okio", "okio/"),
    same("retrofit", "com.squareup.retrofit2", "retrofit2/"),
    same("grpc-*", "io.grpc", "io/grpc/"),
    same("netty", "io.netty", "org/jboss/netty/"),
    same("rxjava", "io.reactivex", "io/reactivex/"),
    same("opentelemetry-*", "io.opentelemetry", "io/opentelemetry/"),
    same("bcprov-*", "org.bouncycastle", "org/bouncycastle/"),
    same("bcpkix-*", "org.bouncycastle", "org/bouncycastle/"),
    same("bcpg-*", "org.bouncycastle", "org/bouncycastle/"),
    same("bcutil-*", "org.bouncycastle", "org/bouncycastle/"),
    same("bctls-*", "org.bouncycastle", "org/bouncycastle/"),
    // Libraries that many others bring along.
    same("aopalliance", "aopalliance", "org/aopalliance/"),
    same("javax.inject", "javax.inject", "javax/inject/"),
    same("antlr", "antlr", "antlr/"),
    same("asm", "org.ow2.asm", "org/objectweb/asm/"),
    same("asm-*", "org.ow2.asm", "org/objectweb/asm/"),
    same("aspectjrt", "org.aspectj", "org/aspectj/"),
    same("aspectjweaver", "org.aspectj", "org/aspectj/"),
    same("bsh", "org.beanshell", "bsh/"),
    same(
        "caffeine",
        "com.github.ben-manes.caffeine",
        "com/github/benmanes/caffeine/",
    ),
    same("cglib", "cglib", "net/sf/cglib/"),
    same("cglib-nodep", "cglib", "net/sf/cglib/"),
    same("dom4j", "dom4j", "org/dom4j/"),
    same("elasticsearch", "org.elasticsearch", "org/elasticsearch/"),
    same("freemarker", "org.freemarker", "freemarker/"),
    same("guice", "com.google.inject", "com/google/inject/"),
    same(
        "guice-*",
        "com.google.inject.extensions",
        "com/google/inject/",
    ),
    same("jdom", "org.jdom", "org/jdom/"),
    same("jdom2", "org.jdom", "org/jdom2/"),
    same("jython", "org.python", "org/python/"),
    same("jython-standalone", "org.python", "org/python/"),
    same("quartz", "org.quartz-scheduler", "org/quartz/"),
    same("rhino", "org.mozilla", "org/mozilla/"),
    same(
        "xstream",
        "com.thoughtworks.xstream",
        "com/thoughtworks/xstream/",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_the_closest_row_answers() {
        let mut names: Vec<_> = ALL.iter().map(|known| known.file).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
        for (file, version, wanted) in [
            ("log4j", "1.2.17", Some(("log4j", "log4j"))),
            (
                "log4j-core",
                "2.14.1",
                Some(("org.apache.logging.log4j", "log4j-core")),
            ),
            (
                "catalina",
                "9.0.1",
                Some(("org.apache.tomcat", "tomcat-catalina")),
            ),
            ("groovy", "3.0.9", Some(("org.codehaus.groovy", "groovy"))),
            ("groovy", "4.0.1", Some(("org.apache.groovy", "groovy"))),
            ("spring", "2.5.6", None),
        ] {
            let known = by_file(file);
            let found = known.map(|known| (known.group(version), known.artifact(file)));
            assert_eq!(found, wanted, "{file} {version}");
        }
        for known in ALL {
            assert!(known.classes.ends_with('/'), "{known:?}");
        }
    }
}
