//! What a gemspec says in literals: the assignments of its block and its stub line.

/// A gem's name, version and platform.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct GemIdentity {
    pub(super) name: String,
    pub(super) version: String,
    /// Empty where it is not said.
    pub(super) platform: String,
    /// The licence; empty where none is named, or several, of which nobody says whether all are meant.
    pub(super) licence: String,
}

impl GemIdentity {
    /// Gives the identity if it has a name and a version.
    pub(super) fn complete(self) -> Option<Self> {
        (!self.name.is_empty() && !self.version.is_empty()).then_some(self)
    }

    /// Gives the name as RubyGems writes it in file names, without a platform.
    pub(super) fn full_name(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    /// Tells whether both name the same gem and version.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.name == other.name && self.version == other.version
    }
}

/// Reads the first literal assignment to each of name, version and platform; others stay empty.
pub(super) fn identity(content: &[u8]) -> GemIdentity {
    let mut identity = GemIdentity::default();
    for line in lines(content) {
        let Some((attribute, value)) = assignment(line) else {
            continue;
        };
        let slot = match attribute {
            "name" => &mut identity.name,
            "version" => &mut identity.version,
            "platform" => &mut identity.platform,
            "license" => &mut identity.licence,
            "licenses" => {
                only(value)
                    .unwrap_or_default()
                    .clone_into(&mut identity.licence);
                continue;
            }
            _ => continue,
        };
        if slot.is_empty()
            && let Some(value) = literal(value)
        {
            value.clone_into(slot);
        }
    }
    identity
}

/// Reads the line `# stub: name version platform paths` from the head of the file.
pub(super) fn stub(content: &[u8]) -> Option<GemIdentity> {
    let stub = lines(content)
        .take_while(|line| line.is_empty() || line.starts_with('#'))
        .find_map(|line| line.strip_prefix("# stub: "))?;
    let mut words = stub.split_ascii_whitespace().map(str::to_owned);
    GemIdentity {
        name: words.next()?,
        version: words.next()?,
        platform: words.next().unwrap_or_default(),
        licence: String::new(),
    }
    .complete()
}

/// Gives the lines that are text; the paths of a stub line are apart by NUL, which is text too.
fn lines(content: &[u8]) -> impl Iterator<Item = &str> {
    content
        .split(|byte| *byte == b'\n')
        .filter_map(|line| std::str::from_utf8(line).ok())
        .map(str::trim)
}

/// Splits `s.attribute = value`.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let (target, value) = line.split_once('=')?;
    let (receiver, attribute) = target.trim_end().split_once('.')?;
    let is_variable = receiver
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_variable && !receiver.is_empty()).then_some((attribute, value.trim()))
}

/// Gives the text of a Ruby expression that is one literal and nothing else but a comment, or
/// another statement, behind it.
fn literal(expression: &str) -> Option<&str> {
    let wrapped = expression.strip_prefix("Gem::Version.new(");
    let (text, rest) = quoted(wrapped.unwrap_or(expression).trim())?;
    let rest = rest.strip_prefix(".freeze").unwrap_or(rest).trim_start();
    let rest = match wrapped {
        Some(_) => rest.strip_prefix(')')?.trim_start(),
        None => rest,
    };
    (rest.is_empty() || rest.starts_with(['#', ';'])).then_some(text)
}

/// Gives the text of a list of one literal.
fn only(value: &str) -> Option<&str> {
    let (text, rest) = quoted(value.strip_prefix('[')?.trim_start())?;
    let rest = rest.strip_prefix(".freeze").unwrap_or(rest).trim_start();
    rest.starts_with(']').then_some(text)
}

/// Splits off the literal that an expression begins with; none where its text is computed.
fn quoted(expression: &str) -> Option<(&str, &str)> {
    let (open, close) = match expression.as_bytes() {
        [b'"', ..] => ("\"", '"'),
        [b'\'', ..] => ("'", '\''),
        [b'%', b'q', b'{', ..] => ("%q{", '}'),
        [b'%', b'q', b'<', ..] => ("%q<", '>'),
        [b'%', b'q', b'(', ..] => ("%q(", ')'),
        _ => return None,
    };
    let (text, rest) = expression.strip_prefix(open)?.split_once(close)?;
    let is_plain = !text.contains(['\\', '#']);
    (is_plain && !text.is_empty()).then_some((text, rest))
}
