//! Cases beside the policies: what is judged, when and for whom, and what has to come out.
//!
//! A case is no policy: it is in no digest, and a service passes it over.

use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::Timestamp;
use sluicegate_model::run_config::RunConfig;
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Digest, Principal, Repository, Tag};

use crate::image::Stated;

/// A case.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it is called.
    pub name: String,
    /// The file that it is in.
    pub file: String,
    /// Where it is told what the image holds.
    pub held: Held,
    pub(crate) image: Option<AskedImage>,
    pub(crate) client: Option<CaseClient>,
    pub(crate) now: Option<Timestamp>,
    pub(crate) created: Option<Timestamp>,
    pub(crate) run: Option<RunConfig>,
    pub(crate) first_seen: Option<Timestamp>,
    /// Who signed it, where the case says; what is beside the report where it does not.
    pub(crate) signers: Option<Vec<Stated>>,
    /// What keys say of its weaknesses, where the case says.
    pub(crate) attached_vex: Vec<AttachedVex>,
    pub(crate) expected: Expected,
}

/// Where it is told what an image holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// In a file beside the case's, which has a verdict as it is printed for programs.
    Report(String),
    /// In the verdict that a service has on this digest.
    Digest(Digest),
}

/// Under which name the image is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AskedImage {
    pub repository: Repository,
    pub tag: Option<Tag>,
    /// Whether it is asked for by its digest and without any tag.
    pub by_digest: bool,
}

/// A VEX document that a key has signed for the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AttachedVex {
    pub key: Digest,
    pub text: String,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CaseClient {
    Principal(Principal),
    Address(IpAddr),
}

/// What has to come out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub decision: Decision,
    /// The rules that speak, all of them; any where it is absent.
    pub rules: Option<BTreeSet<String>>,
}
