//! A route of the API: how it is asked, who answers whom, and what is said of it in the description.

use std::sync::Arc;

use axum::handler::Handler;
use axum::http::StatusCode;
use axum::routing::{MethodRouter, get, post};

use sluicegate_engine::identity::Who;
use sluicegate_model::access::Permission;

use super::ApiState;
use super::describe::{Described, Description, Operation};
use super::problem::Problem;

/// What somebody has to be to be answered by a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// Nobody in particular: probes have no keys.
    Nothing,
    /// Whoever proves by the request itself that it may be sent, which the route looks at.
    OwnProof,
    /// Somebody who presents a linking key, which the route proves.
    LinkingKey,
    /// A linked scanner that works.
    Scanner,
    /// Somebody with any key, or anybody where none is asked for.
    Somebody,
    /// Somebody who may do this, and is told of the repositories that they know of.
    May(Permission),
    /// Somebody who may do this and knows of all repositories.
    MayEverywhere(Permission),
}

impl Needs {
    /// Tells whether somebody has it, or says why not.
    pub(super) fn met_by(self, who: &Who) -> Result<(), Problem> {
        let (permission, is_everywhere) = match self {
            Self::Nothing | Self::OwnProof | Self::LinkingKey | Self::Scanner | Self::Somebody => {
                return Ok(());
            }
            Self::May(permission) => (permission, false),
            Self::MayEverywhere(permission) => (permission, true),
        };
        if !who.rights.allow(permission) {
            return Err(lacks(who, permission));
        }
        if is_everywhere && !who.rights.reach().is_everything() {
            let detail = format!("{who} knows of some repositories, and this is of all");
            return Err(Problem::forbidden(detail));
        }
        Ok(())
    }
}

/// Says what somebody may not do: they are asked for a key where they have none.
fn lacks(who: &Who, permission: Permission) -> Problem {
    let what = match permission {
        Permission::Pull => "pull",
        Permission::Scan => "start scans",
        Permission::ReadVerdicts => "read verdicts",
        Permission::ReadService => "read the log or how the service stands",
        Permission::Administer => "make, list or end keys and scanners",
    };
    let detail = format!("{who} may not {what}");
    match who.principal {
        Some(_) => Problem::forbidden(detail),
        None => Problem::unauthorized(detail),
    }
}

/// What every route answers to requests that are let in nowhere.
const GUARDED: [(StatusCode, &str); 4] = [
    (
        StatusCode::BAD_REQUEST,
        "A parameter makes no sense, or the request names no host.",
    ),
    (
        StatusCode::UNAUTHORIZED,
        "A key is needed, or the one that was sent is not good.",
    ),
    (
        StatusCode::FORBIDDEN,
        "A page of another site asks, the key may not do this, or something is to be started \
         without one where others reach the listener.",
    ),
    (
        StatusCode::MISDIRECTED_REQUEST,
        "The host is a name that is none of the service's.",
    ),
];

/// One route.
pub(super) struct Route {
    /// Where it is, with what changes in braces.
    pub(super) path: &'static str,
    /// Who answers.
    pub(super) answered: MethodRouter<Arc<ApiState>>,
    /// Who is answered.
    pub(super) needs: Needs,
    method: &'static str,
    id: &'static str,
    summary: &'static str,
    describe: fn(&mut Operation<'_>),
    problems: Vec<(StatusCode, &'static str)>,
}

impl Route {
    /// Makes a route that is read.
    pub(super) fn get<H, T, D>(
        path: &'static str,
        needs: Needs,
        named: (&'static str, &'static str),
        answer: H,
    ) -> Self
    where
        H: Handler<T, Arc<ApiState>> + Described<D>,
        T: 'static,
    {
        Self::of(
            ("get", path),
            needs,
            named,
            get(answer),
            <H as Described<D>>::describe,
        )
    }

    /// Makes a route that starts something.
    pub(super) fn post<H, T, D>(
        path: &'static str,
        needs: Needs,
        named: (&'static str, &'static str),
        answer: H,
    ) -> Self
    where
        H: Handler<T, Arc<ApiState>> + Described<D>,
        T: 'static,
    {
        Self::of(
            ("post", path),
            needs,
            named,
            post(answer),
            <H as Described<D>>::describe,
        )
    }

    fn of(
        (method, path): (&'static str, &'static str),
        needs: Needs,
        (id, summary): (&'static str, &'static str),
        answered: MethodRouter<Arc<ApiState>>,
        describe: fn(&mut Operation<'_>),
    ) -> Self {
        Self {
            path,
            answered,
            needs,
            method,
            id,
            summary,
            describe,
            problems: Vec::new(),
        }
    }

    /// Says with which error it answers, and when.
    pub(super) fn or(mut self, status: StatusCode, when: &'static str) -> Self {
        self.problems.push((status, when));
        self
    }

    /// Adds it to the description.
    pub(super) fn describe(&self, description: &mut Description) {
        let named = (self.id, self.summary);
        description.add((self.method, self.path), named, |operation| {
            (self.describe)(operation);
            for (status, when) in GUARDED.iter().chain(&self.problems) {
                operation.problem(*status, when);
            }
        });
    }
}
