//! The tokens of services that answer with models, each by what its issuer says of it.

use sluicegate_model::severity::Severity::High;

use crate::pattern::Part::{Run, Text};
use crate::pattern::{alnum, hex, letter, url64};
use crate::rule::{RuleInfo, Token};
use crate::secret::SecretKind::Service;

pub(crate) static TOKENS: &[Token] = &[
    // Anthropic, "API overview": authentication.
    Token::new(
        RuleInfo::new("anthropic-key", "Anthropic API key", Service, High),
        &["sk-ant-api03-", "sk-ant-admin01-", "sk-ant-oat01-"],
        &[Run(url64, 80, 128)],
    ),
    // Hugging Face, "User access tokens".
    Token::new(
        RuleInfo::new("huggingface-token", "Hugging Face token", Service, High),
        &["hf_", "api_org_"],
        &[Run(letter, 34, 34)],
    ),
    // Groq, "Quickstart".
    Token::new(
        RuleInfo::new("groq-key", "Groq API key", Service, High),
        &["gsk_"],
        &[Run(alnum, 52, 52)],
    ),
    // xAI, "Getting started".
    Token::new(
        RuleInfo::new("xai-key", "xAI API key", Service, High),
        &["xai-"],
        &[Run(alnum, 80, 80)],
    ),
    // Perplexity, "API key management".
    Token::new(
        RuleInfo::new("perplexity-key", "Perplexity API key", Service, High),
        &["pplx-"],
        &[Run(alnum, 48, 56)],
    ),
    // Replicate, "API tokens".
    Token::new(
        RuleInfo::new("replicate-token", "Replicate token", Service, High),
        &["r8_"],
        &[Run(alnum, 37, 37)],
    ),
    // OpenRouter, "Authentication".
    Token::new(
        RuleInfo::new("openrouter-key", "OpenRouter API key", Service, High),
        &["sk-or-v1-"],
        &[Run(hex, 64, 64)],
    ),
    // LangChain, "Create an account and API key".
    Token::new(
        RuleInfo::new("langsmith-key", "LangSmith API key", Service, High),
        &["lsv2_pt_", "lsv2_sk_"],
        &[Run(hex, 32, 32), Text("_"), Run(hex, 10, 10)],
    ),
    // NVIDIA, "API catalog quickstart".
    Token::new(
        RuleInfo::new("nvidia-key", "NVIDIA API key", Service, High),
        &["nvapi-"],
        &[Run(url64, 60, 70)],
    ),
    // Pinecone, "Manage API keys".
    Token::new(
        RuleInfo::new("pinecone-key", "Pinecone API key", Service, High),
        &["pcsk_"],
        &[Run(alnum, 4, 8), Text("_"), Run(alnum, 60, 72)],
    ),
];
