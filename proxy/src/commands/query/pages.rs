//! One list of the API, page by page.

use serde_json::{Value, json};

use super::super::CommandError;
use super::service::Service;
use super::{next, query_string};

/// Items asked for at a time: what the API gives at most.
const PAGE: u64 = 1_000;

/// What is left of a list.
pub struct Pages<'a> {
    service: &'a Service,
    list: &'a str,
    filters: String,
    after: Option<String>,
    is_over: bool,
    /// Members of the pages other than their items, of the newest one.
    last: Value,
}

impl<'a> Pages<'a> {
    /// Begins behind a cursor, or at the first item. `filters` is a query string.
    pub fn of(service: &'a Service, list: &'a str, filters: String, after: Option<String>) -> Self {
        Self {
            service,
            list,
            filters,
            after,
            is_over: false,
            last: Value::Null,
        }
    }

    /// Gives the items of the next page; none behind the last one. A page may be empty.
    pub async fn next_page(&mut self) -> Result<Option<Vec<Value>>, CommandError> {
        self.at_most(PAGE).await
    }

    /// Puts pages together until there are `limit` items, as one page that says where to go on.
    pub async fn gather(&mut self, limit: u64) -> Result<Value, CommandError> {
        let mut gathered = Vec::new();
        let mut incomplete = 0_u64;
        loop {
            let have = u64::try_from(gathered.len()).unwrap_or(u64::MAX);
            let wanted = limit.saturating_sub(have).min(PAGE);
            if wanted == 0 {
                break;
            }
            let Some(items) = self.at_most(wanted).await? else {
                break;
            };
            gathered.extend(items);
            let count = self.last.get("incomplete").and_then(Value::as_u64);
            incomplete = incomplete.saturating_add(count.unwrap_or(0));
        }
        let mut page = self.last.take();
        if let Some(members) = page.as_object_mut() {
            members.insert("items".to_owned(), Value::Array(gathered));
            if members.contains_key("incomplete") {
                members.insert("incomplete".to_owned(), json!(incomplete));
            }
        }
        Ok(page)
    }

    async fn at_most(&mut self, limit: u64) -> Result<Option<Vec<Value>>, CommandError> {
        if self.is_over {
            return Ok(None);
        }
        let place = query_string(&[
            ("limit", Some(limit.to_string())),
            ("after", self.after.clone()),
        ]);
        let parts = [self.filters.as_str(), &place];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let path = format!("{}?{}", self.list, parts.join("&"));
        let mut page = self.service.get(&path).await?;
        self.after = next(&page).map(str::to_owned);
        self.is_over = self.after.is_none();
        let found = match page.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        };
        self.last = page;
        Ok(Some(found))
    }
}
