//! Maven artifacts that moved: advisories are often filed under the later coordinates alone, though
//! the earlier ones are the same code. Pure.
//!
//! Versions go on where they were, so that what is said of the successor's holds for the earlier
//! ones. Those that were numbered anew, or mended on both sides, are left out.
//!
//! Source: the `relocation` of the artifacts' entries on Maven Central, and their projects' notes.

use std::borrow::Cow;

/// Earlier and later coordinates; `*` stands for any end, the same on both sides.
const MOVES: [(&str, &str); 51] = [
    ("ant:ant", "org.apache.ant:ant"),
    ("asm:asm", "org.ow2.asm:asm"),
    ("axis:axis", "org.apache.axis:axis"),
    ("batik:batik-*", "org.apache.xmlgraphics:batik-*"),
    ("bcel:bcel", "org.apache.bcel:bcel"),
    ("bsh:bsh", "org.beanshell:bsh"),
    ("c3p0:c3p0", "com.mchange:c3p0"),
    ("com.github.tomakehurst:wiremock", "org.wiremock:wiremock"),
    (
        "com.github.tomakehurst:wiremock-standalone",
        "org.wiremock:wiremock-standalone",
    ),
    (
        "com.ning:async-http-client",
        "org.asynchttpclient:async-http-client",
    ),
    ("dom4j:dom4j", "org.dom4j:dom4j"),
    ("ehcache:ehcache", "net.sf.ehcache:ehcache"),
    ("fop:fop", "org.apache.xmlgraphics:fop"),
    ("hibernate:hibernate", "org.hibernate:hibernate"),
    ("hsqldb:hsqldb", "org.hsqldb:hsqldb"),
    ("htmlunit:htmlunit", "net.sourceforge.htmlunit:htmlunit"),
    ("javassist:javassist", "org.javassist:javassist"),
    ("javax.mail:mail", "com.sun.mail:javax.mail"),
    ("jdom:jdom", "org.jdom:jdom"),
    ("lucene:lucene", "org.apache.lucene:lucene-core"),
    ("mysql:mysql-connector-java", "com.mysql:mysql-connector-j"),
    ("net.jpountz.lz4:lz4", "org.lz4:lz4-java"),
    ("net.sourceforge.htmlunit:htmlunit", "org.htmlunit:htmlunit"),
    ("opensymphony:quartz", "org.quartz-scheduler:quartz"),
    (
        "org.apache.tomcat:catalina",
        "org.apache.tomcat:tomcat-catalina",
    ),
    (
        "org.apache.tomcat:coyote",
        "org.apache.tomcat:tomcat-coyote",
    ),
    ("org.apache.tomcat:dbcp", "org.apache.tomcat:tomcat-dbcp"),
    (
        "org.apache.tomcat:jasper",
        "org.apache.tomcat:tomcat-jasper",
    ),
    ("org.apache.tomcat:juli", "org.apache.tomcat:tomcat-juli"),
    (
        "org.apache.tomcat:tribes",
        "org.apache.tomcat:tomcat-tribes",
    ),
    (
        "org.apache.velocity:velocity",
        "org.apache.velocity:velocity-engine-core",
    ),
    ("org.beanshell:bsh", "org.apache-extras.beanshell:bsh"),
    ("org.codehaus.groovy:groovy", "org.apache.groovy:groovy"),
    ("org.codehaus.groovy:groovy-*", "org.apache.groovy:groovy-*"),
    ("org.eclipse.jdt.core.compiler:ecj", "org.eclipse.jdt:ecj"),
    (
        "org.hibernate:hibernate-core",
        "org.hibernate.orm:hibernate-core",
    ),
    (
        "org.hibernate:hibernate-validator",
        "org.hibernate.validator:hibernate-validator",
    ),
    ("org.jboss.netty:netty", "io.netty:netty"),
    ("org.lz4:lz4-java", "at.yawk.lz4:lz4-java"),
    ("poi:poi", "org.apache.poi:poi"),
    ("postgresql:postgresql", "org.postgresql:postgresql"),
    ("quartz:quartz", "org.quartz-scheduler:quartz"),
    ("rhino:js", "org.mozilla:rhino"),
    ("struts:struts", "org.apache.struts:struts-core"),
    ("tomcat:catalina", "org.apache.tomcat:catalina"),
    ("velocity:velocity", "org.apache.velocity:velocity"),
    ("xerces:xerces", "xerces:xercesImpl"),
    ("xml-security:xmlsec", "org.apache.santuario:xmlsec"),
    ("xmlbeans:xmlbeans", "org.apache.xmlbeans:xmlbeans"),
    ("xmlrpc:xmlrpc", "org.apache.xmlrpc:xmlrpc"),
    ("xstream:xstream", "com.thoughtworks.xstream:xstream"),
];

/// Lists the later coordinates of an artifact, the next ones first.
pub(super) fn successors(name: &str) -> impl Iterator<Item = Cow<'static, str>> {
    // The table has no circles, which a test holds.
    std::iter::successors(successor(name), |later| successor(later))
}

fn successor(name: &str) -> Option<Cow<'static, str>> {
    MOVES.iter().find_map(|(earlier, later)| {
        let (Some(start), Some(later_start)) = (earlier.strip_suffix('*'), later.strip_suffix('*'))
        else {
            return (*earlier == name).then_some(Cow::Borrowed(*later));
        };
        let rest = name.strip_prefix(start)?;
        Some(Cow::Owned(format!("{later_start}{rest}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_move_leads_to_its_end() {
        for (earlier, _) in MOVES {
            assert!(successors(earlier).count() <= 3, "{earlier}");
        }
        let all = |name| successors(name).collect::<Vec<_>>();
        assert_eq!(
            all("tomcat:catalina"),
            [
                "org.apache.tomcat:catalina",
                "org.apache.tomcat:tomcat-catalina"
            ]
        );
        assert_eq!(all("batik:batik-dom"), ["org.apache.xmlgraphics:batik-dom"]);
        for name in ["org.dom4j:dom4j", "dom4j:dom4j-x", "dom4j", ""] {
            assert!(all(name).is_empty(), "{name}");
        }
    }
}
