//! Look-alikes in source code and shell scripts.

use super::alike::{Kind, text};
use super::random::{ALNUM, HEX, LOWER, encoded};

pub(crate) const KINDS: &[Kind] = &[
    ("read-from-environment", |r, at| match at % 4 {
        0 => text(
            "srv/app.py",
            format!(
                "password = os.environ[\"{}_PASSWORD\"]\ntoken = os.getenv(\"TOKEN2\")\n",
                r.word()
            ),
        ),
        1 => text(
            "srv/app.js",
            format!("const secret = process.env.{}_SECRET1;\n", r.word()),
        ),
        2 => text(
            "srv/main.go",
            format!("token := os.Getenv(\"{}_TOKEN\")\n", r.word()),
        ),
        _ => text(
            "srv/app.rb",
            format!("password = ENV.fetch('{}_PASSWORD1')\n", r.word()),
        ),
    }),
    ("call", |r, at| match at % 4 {
        0 => text(
            "srv/Auth.java",
            format!(
                "String token = tokenService.create{}(request, 42);\n",
                r.word()
            ),
        ),
        1 => text(
            "srv/auth.ts",
            "const password = form.get('password')!.value;\nif (token == other.token1) return;\n"
                .to_owned(),
        ),
        2 => text(
            "srv/auth.go",
            format!("secret, err := client.GetSecret(ctx, \"{}\")\n", r.word()),
        ),
        _ => text(
            "srv/auth.php",
            "$password = $_POST['password'];\n$token = bin2hex(random_bytes(16));\n".to_owned(),
        ),
    }),
    ("name-of-a-field", |r, at| match at % 4 {
        0 => text(
            "srv/fields.py",
            format!(
                "PASSWORD_FIELD = \"{}_password2\"\nTOKEN = \"token\"\n",
                r.word()
            ),
        ),
        1 => text(
            "srv/fields.js",
            "const TOKEN_KEY = 'auth_token_v2';\nconst password = 'password';\n".to_owned(),
        ),
        2 => text(
            "srv/Fields.cs",
            "public const string Secret = \"ClientSecret2\";\n".to_owned(),
        ),
        _ => text(
            "srv/fields.go",
            "const tokenHeader = \"X-Vault-Token-2\"\nconst secretName = \"tls-secret-1\"\n"
                .to_owned(),
        ),
    }),
    ("message", |r, _| {
        text(
            "srv/messages.py",
            format!(
                "ERRORS = {{\"password\": \"Password must contain {} digits\", \"token\": \"Token has expired, code 401\"}}\n",
                r.below(9)
            ),
        )
    }),
    ("pattern-of-tokens", |r, at| {
        text(
            "srv/patterns.js",
            format!(
                "const token = /^ghp_[A-Za-z0-9]{{36}}$/;\nconst password = '^(?=.*[A-Z])(?=.*[0-9]).{{{at},}}$';\n// {}\n",
                r.word()
            ),
        )
    }),
    ("frame-of-a-key", |r, at| {
        match at % 3 {
        0 => text("srv/pem.py", "HEAD = \"-----BEGIN PRIVATE KEY-----\\n\"\nFOOT = \"\\n-----END PRIVATE KEY-----\\n\"\n".to_owned()),
        1 => text("srv/pem.go", format!("const begin = \"-----BEGIN RSA PRIVATE KEY-----\"\n// {}\n", r.word())),
        _ => text("srv/guide.yaml", "key: |\n  -----BEGIN OPENSSH PRIVATE KEY-----\n  ...\n  -----END OPENSSH PRIVATE KEY-----\n".to_owned()),
    }
    }),
    ("minified", |r, _| {
        text(
            "srv/www/app.min.js",
            format!(
                "!function(e){{e.token=t.token,n.password=\"{}\",i.secret=o(\"{}\")}}(this);\n",
                r.of(LOWER, 6),
                r.of(ALNUM, 24)
            ),
        )
    }),
    ("bundle-without-mark", |r, _| {
        text(
            "srv/www/main.js",
            format!(
                "!function(e,t){{var n=\"{}\";e.passwordInput=t.token,e.tokens=[n],s.secretKey=function(){{return 7}}}}(a,b);\n",
                r.of(HEX, 20)
            ),
        )
    }),
    ("hashed-file-name", |r, _| {
        text(
            "srv/www/manifest.json",
            format!(
                "{{\"token.js\":\"/static/token.{}.js\",\"password.css\":\"/static/password.{}.css\"}}\n",
                r.of(HEX, 20),
                r.of(HEX, 20)
            ),
        )
    }),
    ("tokenizer", |r, _| {
        text(
            "srv/model/tokenizer_config.json",
            format!(
                "{{\"bos_token\":\"<s>\",\"eos_token\":\"</s>\",\"pad_token\":\"[PAD]\",\"tokenizer_class\":\"{}Tokenizer2\",\"max_tokens\":4096}}\n",
                r.word()
            ),
        )
    }),
    ("library-code", |r, _| {
        text(
            "usr/lib/python3/dist-packages/http/auth.py",
            format!(
                "def login(user, password=\"{}\"):\n    token = \"{}\"\n",
                r.password(),
                r.of(ALNUM, 32)
            ),
        )
    }),
    ("library-test", |r, _| {
        text(
            "usr/lib/node_modules/http/test/auth.js",
            format!(
                "assert(login('https://joe:{}@acme.dev'));\nconst secret = '{}';\n",
                r.password(),
                r.of(HEX, 32)
            ),
        )
    }),
    ("shell-logic", |r, _| {
        text(
            "srv/entry.sh",
            format!(
                "if [ -z \"$DB_PASSWORD\" ]; then echo 'password: missing' >&2; exit 1; fi\nTOKEN=$(curl -s https://{}.acme.dev/token)\nPASSWORD=\"${{1:-}}\"\nexport SECRET=\"$(openssl rand -hex 16)\"\n",
                r.word()
            ),
        )
    }),
    ("options-of-a-command", |r, _| {
        text(
            "srv/login.sh",
            format!(
                "docker login --username {} --password-stdin < /run/secrets/p1\nvault login -method=oidc -token-only\ncurl --token-file t1 --password \"$PASS\"\n",
                r.word()
            ),
        )
    }),
    ("enumeration", |r, _| {
        text(
            "srv/Kinds.java",
            format!(
                "enum Kind {{ PASSWORD(\"pwd1\"), TOKEN(\"tok2\"), SECRET(\"sec3\") }} // {}\n",
                r.word()
            ),
        )
    }),
    ("schema", |r, at| {
        text(
            "srv/openapi.yaml",
            format!(
                "password:\n  type: string\n  format: password\n  minLength: {at}\ntoken:\n  $ref: '#/components/schemas/Token2'\nsecret: {{ type: string, description: {} }}\n",
                r.word()
            ),
        )
    }),
    ("sql", |r, _| {
        text(
            "srv/schema.sql",
            format!(
                "CREATE TABLE users (password VARCHAR(64), token CHAR(32)); -- {}\nALTER TABLE users ADD secret_key BYTEA;\n",
                r.word()
            ),
        )
    }),
    ("base64-of-words", |r, _| {
        text(
            "srv/values.yaml",
            format!(
                "motd: {}\ntemplate: {}\n",
                encoded(format!("welcome to {} and have a nice day", r.word()).as_bytes()),
                encoded(b"set the password and the token")
            ),
        )
    }),
];
