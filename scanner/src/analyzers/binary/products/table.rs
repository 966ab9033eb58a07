//! The products and where they keep their versions.
//!
//! An anchor is chosen so that programs which only mention a product, or link to it, do not have
//! it. Programs in Go are not here: their build information names them.

/// One product and how its version is told.
pub(super) struct Product {
    /// The name under which it is reported.
    pub(super) name: &'static str,
    /// A literal that only its own binary has; none contains another.
    pub(super) anchor: &'static [u8],
    /// Where its version stands.
    pub(super) place: VersionPlace,
    /// The version: the groups, joined by dots. Bytes, `\x00` ends a text.
    pub(super) version: &'static str,
}

/// Where a product's own binary keeps its version.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum VersionPlace {
    /// Near the anchor.
    Near,
    /// Anywhere in a binary that has the anchor.
    Anywhere,
}

const fn near(name: &'static str, anchor: &'static [u8], version: &'static str) -> Product {
    Product {
        name,
        anchor,
        place: VersionPlace::Near,
        version,
    }
}

const fn anywhere(name: &'static str, anchor: &'static [u8], version: &'static str) -> Product {
    Product {
        name,
        anchor,
        place: VersionPlace::Anywhere,
        version,
    }
}

/// The products, by name.
pub(super) static PRODUCTS: &[Product] = &[
    anywhere(
        "apache-httpd",
        b"Server's Module Magic Number",
        r"\x00Apache/(2\.\d+\.\d+)[ \x00]",
    ),
    near(
        "bash",
        b"@(#)Bash version ",
        r"@\(#\)Bash version (\d+\.\d+\.\d+)\(",
    ),
    near(
        "berkeley-db",
        b"Berkeley DB 5.",
        r"\x00Berkeley DB (5\.\d+\.\d+): \(",
    ),
    near("bind", b"BIND 9.", r"BIND (9\.\d+\.\d+)"),
    near("bun", b"Bun v", r"Bun v(\d+\.\d+\.\d+) \("),
    near("busybox", b"BusyBox v", r"BusyBox v(\d+\.\d+\.\d+)"),
    anywhere(
        "bzip2",
        b"bzip2/libbzip2",
        r"\x00(1\.\d\.\d), \d{1,2}-[A-Z][a-z]{2}-\d{4}\x00",
    ),
    anywhere(
        "curl",
        b"#include <curl/curl.h>",
        r"\x00curl/(\d+\.\d+\.\d+)\x00",
    ),
    near("deno", b"Deno/", r"[^-]Deno/(\d+\.\d+\.\d+)\+[0-9a-f]{7}"),
    near("dnsmasq", b"dnsmasq-2.", r"\x00dnsmasq-(2\.\d+)"),
    near(
        "dovecot",
        b"Dovecot v2.",
        r"Dovecot v(2\.\d+(?:\.\d+){1,2})",
    ),
    near(
        "erlang",
        b"current (Erlang/OTP ",
        r"current \(Erlang/OTP (\d+)\)",
    ),
    anywhere("exim", b"Exim version %s", r"\x00(4\.\d\d(?:\.\d+)?)\x00"),
    near("expat", b"expat_", r"\x00expat_(\d+\.\d+\.\d+)\x00"),
    near(
        "ffmpeg",
        b"FFmpeg version ",
        r"FFmpeg version n?(\d+\.\d+(?:\.\d+)?)",
    ),
    near("gawk", b"GNU Awk ", r"GNU Awk (\d+\.\d+(?:\.\d+)?)"),
    near("git", b"GIT_USER_AGENT", r"git/(\d+\.\d+\.\d+)"),
    near(
        "glibc",
        b"GNU C Library (",
        r"GNU C Library \([^)]*\) (?:stable|development) release version (\d+\.\d+)",
    ),
    near(
        "gnutls",
        b"Enabled GnuTLS ",
        r"Enabled GnuTLS (\d+\.\d+\.\d+) logging",
    ),
    anywhere("gzip", b"<bug-gzip@gnu.org>", r"\x00(1\.\d{1,2})\x00"),
    near(
        "haproxy",
        b"HAProxy version follows",
        r"\x00(\d+\.\d+\.\d+)[-+~\w.]*\x00+\n?HAProxy version follows",
    ),
    near(
        "imagemagick",
        b"ImageMagick ",
        r"\x00ImageMagick (\d+\.\d+\.\d+-\d+) ",
    ),
    anywhere(
        "jq",
        b"jq - commandline JSON processor [version",
        r"\x00(?:jq-)?(1\.\d(?:\.\d+)?)\x00",
    ),
    near(
        "krb5",
        b"KRB5_BRAND: ",
        r"KRB5_BRAND: krb5-(\d+\.\d+(?:\.\d+)?)",
    ),
    near(
        "libarchive",
        b"libarchive 3.",
        r"\x00libarchive (3\.\d+\.\d+)\x00",
    ),
    near("libcurl", b"libcurl/", r"\x00libcurl/(\d+\.\d+\.\d+)\x00"),
    near(
        "libpng",
        b"libpng version 1.",
        r" libpng version (1\.\d+\.\d+) - ",
    ),
    near("libssh2", b"libssh2_1.", r"SSH-2\.0-libssh2_(1\.\d+\.\d+)"),
    near(
        "libtiff",
        b"LIBTIFF, Version ",
        r"LIBTIFF, Version (\d+\.\d+\.\d+)",
    ),
    near("lighttpd", b"lighttpd/1.", r"\x00lighttpd/(1\.\d+\.\d+)"),
    near(
        "lua",
        b"$LuaVersion: Lua ",
        r"\$LuaVersion: Lua (5\.\d\.\d+)",
    ),
    near(
        "mariadb",
        b"-MariaDB",
        r"\x00(?:5\.5\.5-)?((?:5|1\d)\.\d+\.\d+)-MariaDB",
    ),
    near("memcached", b"memcached 1.", r"memcached (1\.\d+\.\d+)"),
    anywhere(
        "musl",
        b"musl libc (",
        r"\x00(1\.\d\.\d+)(?:-git[\w.-]*)?\x00",
    ),
    near("mysql", b"/mysql-", r"/mysql-(\d\.\d+\.\d+)/"),
    near(
        "nginx",
        b"nginx version: nginx/",
        r"\x00nginx version: nginx/(1\.\d+\.\d+)",
    ),
    near("node", b"node.js/v", r"node\.js/v(\d+\.\d+\.\d+)"),
    near(
        "openjdk",
        b"OpenJDK 64-Bit Server VM (",
        r"Server VM \((\d+(?:\.\d+)*\+\d+)[^)]*\) for",
    ),
    near(
        "openldap",
        b"$OpenLDAP: slapd ",
        r"\$OpenLDAP: slapd (\d+\.\d+\.\d+)",
    ),
    near("openssh", b"OpenSSH_", r"\x00OpenSSH_(\d+\.\d+p\d+)"),
    anywhere(
        "openssl",
        b"OPENSSLDIR: \"",
        r"\x00OpenSSL ([013]\.\d+\.\d+[a-z]{0,2}) {1,2}(?:\[|\d{1,2} [A-Z][a-z]{2} \d{4})",
    ),
    near("openvpn", b"OpenVPN 2.", r"\x00OpenVPN (2\.\d+\.\d+) "),
    near(
        "perl",
        b"This is perl ",
        r"This is perl (5), version (\d+), subversion (\d+)",
    ),
    near("pgbouncer", b"PgBouncer 1.", r"\x00PgBouncer (1\.\d+\.\d+)"),
    near(
        "php",
        b"X-Powered-By: PHP/",
        r"X-Powered-By: PHP/(\d+\.\d+\.\d+)",
    ),
    near(
        "postgresql",
        b" (PostgreSQL) ",
        r" \(PostgreSQL\) (\d+(?:\.\d+)+)",
    ),
    near(
        "proftpd",
        b"ProFTPD Version ",
        r"ProFTPD Version (\d+\.\d+\.\d+[a-z]?)",
    ),
    anywhere(
        "python",
        b"PYTHONINSPECT",
        r"\x00(2\.7\.\d{1,2}|3\.2\.[1-9]|3\.(?:[013-9]|1\d)\.\d{1,2}(?:(?:a|b|rc)\d{1,2})?)\+?\x00",
    ),
    anywhere(
        "redis",
        b"redis_version:%s",
        r"\x00(\d+\.\d+\.\d+)\x00(?:c11|atomic|sync)-builtin\x00|(\d\.\d\.\d{1,2})[a-z][\w.-]{0,63}-\d{10,20}[0-9a-f]{8}\x00",
    ),
    anywhere(
        "ruby",
        b"RUBY_PLATFORM",
        r"\x00ruby (\d+\.\d+\.\d+)(?:p\d+|dev|preview\d+|rc\d+)? \(\d{4}-\d\d-\d\d",
    ),
    anywhere(
        "sqlite",
        b"sqlite_compileoption_used",
        r"\x00(3\.[2-9]\d\.\d{1,2}(?:\.\d+)?)\x00",
    ),
    anywhere(
        "squid",
        b"Squid Cache: Version",
        r"\x00squid/(\d+\.\d+(?:\.\d+)?)",
    ),
    near("stunnel", b"stunnel 5.", r"\x00stunnel (5\.\d+) on "),
    near("unbound", b"unbound 1.", r"\x00unbound (1\.\d+\.\d+)\x00"),
    near("varnish", b"varnish-", r"varnish-(\d+\.\d+\.\d+) revision"),
    near(
        "vim",
        b"VIM - Vi IMproved ",
        r"VIM - Vi IMproved (\d+\.\d+) \(",
    ),
    near("vsftpd", b"(vsFTPd ", r"\(vsFTPd (\d+\.\d+\.\d+)\)"),
    anywhere(
        "wget",
        b"a non-interactive network retriever",
        r"\x00(1\.[12]\d(?:\.\d{1,2}){0,2})\x00",
    ),
    near("xz", b"xz (XZ Utils) ", r"xz \(XZ Utils\) (\d+\.\d+\.\d+)"),
    near(
        "zlib",
        b"flate 1.",
        r" (?:in|de)flate (1\.\d+(?:\.\d+){0,2}) Copyright",
    ),
    anywhere("zstd", b"Zstandard CLI", r"\x00v(\d+\.\d+\.\d+)\x00"),
];
