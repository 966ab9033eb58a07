//! By which names the most used distributions of Python are imported.
//!
//! A list of files that names one of these for another distribution is not believed. Most are
//! imported by the name that they are installed by.
//!
//! Source: the distributions' own documentation.

/// What is imported, and who brings it, where that is another name, or more than one.
const IMPORTED: &[(&str, &[&str])] = &[
    ("attr", &["attrs"]),
    ("blib2to3", &["black"]),
    ("bs4", &["beautifulsoup4"]),
    ("bson", &["pymongo", "bson"]),
    ("caffe2", &["torch"]),
    (
        "cv2",
        &[
            "opencv_python",
            "opencv_python_headless",
            "opencv_contrib_python",
            "opencv_contrib_python_headless",
        ],
    ),
    ("crypto", &["pycryptodome", "pycrypto"]),
    ("cryptodome", &["pycryptodomex"]),
    ("dateutil", &["python_dateutil"]),
    ("dns", &["dnspython"]),
    ("dotenv", &["python_dotenv"]),
    ("enum", &["enum34"]),
    ("git", &["gitpython"]),
    ("gridfs", &["pymongo"]),
    ("jose", &["python_jose", "python_jose_cryptodome"]),
    ("jwt", &["pyjwt", "jwt"]),
    ("ldap", &["python_ldap"]),
    ("libfuturize", &["future"]),
    ("libpasteurize", &["future"]),
    ("magic", &["python_magic", "file_magic"]),
    ("mpl_toolkits", &["matplotlib", "basemap"]),
    ("multipart", &["python_multipart", "multipart"]),
    ("mysqldb", &["mysqlclient", "mysql_python"]),
    ("nacl", &["pynacl"]),
    ("openssl", &["pyopenssl"]),
    ("osgeo", &["gdal"]),
    ("past", &["future"]),
    ("pil", &["pillow", "pillow_simd", "pil"]),
    ("pkg_resources", &["setuptools", "distribute"]),
    ("psycopg2", &["psycopg2", "psycopg2_binary"]),
    ("py", &["py", "pytest"]),
    ("pylab", &["matplotlib"]),
    ("skimage", &["scikit_image"]),
    ("sklearn", &["scikit_learn"]),
    ("slapdtest", &["python_ldap"]),
    ("validate", &["configobj"]),
    ("websocket", &["websocket_client"]),
    ("yaml", &["pyyaml"]),
    ("zmq", &["pyzmq"]),
];

/// What is imported by the name that it is installed by, sorted.
const OWN: &[&str] = &[
    "aiohttp",
    "ansible",
    "asyncssh",
    "babel",
    "bleach",
    "bottle",
    "cairosvg",
    "celery",
    "certifi",
    "cherrypy",
    "click",
    "cryptography",
    "django",
    "docutils",
    "ecdsa",
    "eventlet",
    "fastapi",
    "flask",
    "flask_cors",
    "gevent",
    "gradio",
    "gunicorn",
    "h11",
    "h2",
    "httplib2",
    "httpx",
    "idna",
    "ipython",
    "jinja2",
    "joblib",
    "jsonschema",
    "jupyter_server",
    "keras",
    "keyring",
    "kombu",
    "langchain",
    "lxml",
    "mako",
    "markdown",
    "markdown2",
    "markupsafe",
    "matplotlib",
    "mistune",
    "mlflow",
    "nltk",
    "notebook",
    "numpy",
    "oauthlib",
    "onnx",
    "orjson",
    "pandas",
    "paramiko",
    "passlib",
    "pip",
    "protobuf",
    "psutil",
    "pyarrow",
    "pyasn1",
    "pydantic",
    "pygments",
    "pymongo",
    "pymysql",
    "pyramid",
    "pysaml2",
    "ray",
    "redis",
    "reportlab",
    "requests",
    "rsa",
    "salt",
    "scipy",
    "scrapy",
    "sentry_sdk",
    "setuptools",
    "simplejson",
    "six",
    "sqlalchemy",
    "sqlparse",
    "starlette",
    "tensorflow",
    "torch",
    "tornado",
    "tqdm",
    "transformers",
    "twisted",
    "ujson",
    "urllib3",
    "uvicorn",
    "virtualenv",
    "waitress",
    "werkzeug",
    "wheel",
    "wtforms",
    "zipp",
];

/// What many distributions bring beside their own, sorted.
const COMMON: &[&str] = &[
    "benchmark",
    "benchmarks",
    "bin",
    "data",
    "demo",
    "demos",
    "doc",
    "docs",
    "etc",
    "example",
    "examples",
    "include",
    "lib",
    "sample",
    "samples",
    "script",
    "scripts",
    "share",
    "test",
    "testing",
    "tests",
    "tools",
    "utils",
];

/// Gives the distributions that bring what is imported by a name, where that is well known.
pub(super) fn distributions(imported: &str) -> Option<&'static [&'static str]> {
    let name = imported.to_ascii_lowercase();
    if let Some((_, distributions)) = IMPORTED.iter().find(|(own, _)| *own == name) {
        return Some(distributions);
    }
    let at = OWN.binary_search(&name.as_str()).ok()?;
    OWN.get(at..=at)
}

/// Tells whether many distributions bring a name.
pub(super) fn is_common(imported: &str) -> bool {
    COMMON.binary_search(&imported).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_whatever_their_case() {
        assert!(OWN.is_sorted() && COMMON.is_sorted());
        assert_eq!(
            distributions("Crypto"),
            Some(&["pycryptodome", "pycrypto"][..])
        );
        assert_eq!(distributions("jinja2"), Some(&["jinja2"][..]));
        assert_eq!(distributions("IPython"), Some(&["ipython"][..]));
        assert_eq!(distributions("house_of_ours"), None);
        assert!(is_common("tests") && !is_common("jinja2"));
    }
}
