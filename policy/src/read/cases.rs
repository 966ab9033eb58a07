//! Cases: which image, when and for whom, and what has to come out.

use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::Timestamp;
use sluicegate_model::Principal;
use sluicegate_model::image::WrittenName;
use sluicegate_model::run_config::RunConfig;
use sluicegate_model::strict_yaml::{Fields, Node};

use super::DocumentReader;
use crate::attached::keys_in;
use crate::case::{AskedImage, AttachedVex, Case, CaseClient, Expected, Held};
use crate::image::Stated;
use crate::vex::said_in;

/// Most VEX documents of one case.
const MAX_VEX: usize = 100;

impl DocumentReader<'_> {
    pub(super) fn case(&mut self, name: String, node: &Node) -> Option<Case> {
        let mut fields = self.kept(Fields::of(node))?;
        let (report, digest) = (fields.take("report"), fields.take("digest"));
        let (image, client) = (fields.take("image"), fields.take("client"));
        let (now, first_seen) = (fields.take("now"), fields.take("firstSeen"));
        let (created, user) = (fields.take("created"), fields.take("user"));
        let (labels, expect) = (fields.take("labels"), fields.require("expect"));
        let (signed, attested) = (fields.take("signedBy"), fields.take("attestedBy"));
        let vex = fields.take("attachedVex");
        fields.finish(&mut self.mistakes);
        let held = match (report, digest) {
            (Some(report), None) => self.filled_text(report).map(Held::Report),
            (None, Some(digest)) => self.kept(digest.parsed("a digest")).map(Held::Digest),
            (Some(_), Some(_)) | (None, None) => {
                let wanted = "report, a file, or digest, what a service has judged";
                self.mistakes.push(node.wanted(wanted));
                None
            }
        };
        let image = image.map(|node| self.asked_image(node));
        let client = client.map(|node| self.case_client(node));
        let mut moment = |node: Option<&Node>| node.map(|node| self.moment(node));
        let (now, first_seen, created) = (moment(now), moment(first_seen), moment(created));
        let run = (user.is_some() || labels.is_some()).then(|| self.run(user, labels));
        let says = signed.is_some() || attested.is_some() || vex.is_some();
        let attached_vex = vex.map_or_else(Vec::new, |node| self.case_vex(node));
        let signers = says.then(|| {
            let signed = signed.and_then(|node| self.case_signed(node));
            let attested = attested.map_or_else(Vec::new, |node| self.case_attested(node));
            signed.into_iter().chain(attested).collect()
        });
        let expected = self.kept(expect).and_then(|node| self.expected(node));
        Some(Case {
            name,
            file: String::new(),
            held: held?,
            image: image.flatten(),
            client: client.flatten(),
            now: now.flatten(),
            created: created.flatten(),
            run: run.flatten(),
            first_seen: first_seen.flatten(),
            signers,
            attached_vex,
            expected: expected?,
        })
    }

    /// Reads who has signed the image: all of these keys, and nobody where there is none.
    fn case_signed(&mut self, node: &Node) -> Option<Stated> {
        if node.list().is_ok_and(<[Node]>::is_empty) {
            return None;
        }
        self.signed_by(node)
    }

    /// Reads who attests to what: one type or several, each by all of its keys.
    fn case_attested(&mut self, node: &Node) -> Vec<Stated> {
        let items = keys_in(node).iter();
        items.filter_map(|it| self.attested_by(it)).collect()
    }

    /// Reads which documents are attached to the image, and by whom each is signed.
    fn case_vex(&mut self, node: &Node) -> Vec<AttachedVex> {
        let items = self.kept(node.list()).unwrap_or_default();
        if items.len() > MAX_VEX {
            let message = format!("a case attaches at most {MAX_VEX} documents");
            self.mistakes.push(node.mistake(message));
            return Vec::new();
        }
        items
            .iter()
            .filter_map(|it| self.case_document(it))
            .collect()
    }

    fn case_document(&mut self, node: &Node) -> Option<AttachedVex> {
        let mut fields = self.kept(Fields::of(node))?;
        let (file, key) = (fields.require("file"), fields.require("key"));
        fields.finish(&mut self.mistakes);
        let (file, key) = (self.kept(file), self.kept(key));
        let key = key.and_then(|node| self.key(node));
        let file = file?;
        let text = self.file(file, "the file of one document")?.file.text;
        self.kept(said_in(&text).map_err(|why| file.mistake(why.to_string())))?;
        let key = key?.id().clone();
        Some(AttachedVex { key, text })
    }

    fn asked_image(&mut self, node: &Node) -> Option<AskedImage> {
        let written = WrittenName::of(self.kept(node.text())?);
        let repository = written.name.parse();
        let wanted = "a canonical name, such as docker.io/library/nginx:1.27";
        let repository = self.kept(repository.map_err(|_| node.wanted(wanted)))?;
        let tag = written.tag.map(str::parse).transpose();
        let tag = self.kept(tag.map_err(|why| node.mistake(format!("{why}"))))?;
        Some(AskedImage {
            repository,
            tag: tag.filter(|_| written.digest.is_none()),
            by_digest: written.digest.is_some(),
        })
    }

    fn case_client(&mut self, node: &Node) -> Option<CaseClient> {
        let text = self.kept(node.text())?;
        let principal = match text.split_once(':') {
            Some(("key", name)) => Some(Principal::Key(name.to_owned())),
            Some(("cert", name)) => Some(Principal::Certificate(name.to_owned())),
            Some(_) | None => None,
        };
        let address = || text.parse::<IpAddr>().ok().map(CaseClient::Address);
        let client = principal.map(CaseClient::Principal).or_else(address);
        self.kept(client.ok_or_else(|| node.wanted("key:NAME, cert:NAME or an address")))
    }

    /// Reads an instant, or a day, which stands for its beginning.
    fn moment(&mut self, node: &Node) -> Option<Timestamp> {
        let text = self.kept(node.text())?;
        let instant = Self::beginning(text);
        self.kept(instant.ok_or_else(|| node.wanted("a date, such as 2026-01-31, or an instant")))
    }

    fn run(&mut self, user: Option<&Node>, labels: Option<&Node>) -> Option<RunConfig> {
        let user = user.map_or(Ok(""), Node::text);
        let mut run = RunConfig {
            user: self.kept(user)?.to_owned(),
            ..RunConfig::default()
        };
        let labels = labels.map_or(Ok([].as_slice()), Node::entries);
        for (name, value) in self.kept(labels)? {
            let (name, value) = (self.kept(name.text()), self.kept(value.text()));
            run.labels.insert(name?.to_owned(), value?.to_owned());
        }
        Some(run)
    }

    fn expected(&mut self, node: &Node) -> Option<Expected> {
        let mut fields = self.kept(Fields::of(node))?;
        let (decision, rules) = (fields.require("decision"), fields.take("rules"));
        fields.finish(&mut self.mistakes);
        let decision = self.kept(decision).and_then(|node| self.action(node));
        let rules = rules.map(|node| {
            let items = self.kept(node.list())?.iter();
            let texts: Option<BTreeSet<String>> = items.map(|it| self.filled_text(it)).collect();
            texts
        });
        Some(Expected {
            decision: decision?,
            rules: rules.flatten(),
        })
    }
}
