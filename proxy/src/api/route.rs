//! A route of the API: how it is asked, who answers, and what is said of it in the description.

use std::sync::Arc;

use axum::handler::Handler;
use axum::http::StatusCode;
use axum::routing::{MethodRouter, get, post};

use super::ApiState;
use super::describe::{Described, Description, Operation};

/// What every route answers to requests that its guard lets nobody see.
const GUARDED: [(StatusCode, &str); 3] = [
    (
        StatusCode::BAD_REQUEST,
        "A parameter makes no sense, or the request names no host.",
    ),
    (
        StatusCode::FORBIDDEN,
        "A page of another site asks, or something is to be started where others reach the listener.",
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
        (id, summary): (&'static str, &'static str),
        answer: H,
    ) -> Self
    where
        H: Handler<T, Arc<ApiState>> + Described<D>,
        T: 'static,
    {
        Self::of(
            "get",
            path,
            (id, summary),
            get(answer),
            <H as Described<D>>::describe,
        )
    }

    /// Makes a route that starts something.
    pub(super) fn post<H, T, D>(
        path: &'static str,
        (id, summary): (&'static str, &'static str),
        answer: H,
    ) -> Self
    where
        H: Handler<T, Arc<ApiState>> + Described<D>,
        T: 'static,
    {
        Self::of(
            "post",
            path,
            (id, summary),
            post(answer),
            <H as Described<D>>::describe,
        )
    }

    fn of(
        method: &'static str,
        path: &'static str,
        (id, summary): (&'static str, &'static str),
        answered: MethodRouter<Arc<ApiState>>,
        describe: fn(&mut Operation<'_>),
    ) -> Self {
        Self {
            path,
            answered,
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
