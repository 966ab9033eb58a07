//! All rules: the tables of issuers' tokens, and the rules that read more than one token.

pub(crate) mod cloud;
pub(crate) mod composed;
pub(crate) mod hosts;
pub(crate) mod models;
pub(crate) mod services;
pub(crate) mod settings;

use crate::rule::Token;

/// The tables of tokens.
pub(crate) static TABLES: [&[Token]; 4] = [
    cloud::TOKENS,
    hosts::TOKENS,
    services::TOKENS,
    models::TOKENS,
];
