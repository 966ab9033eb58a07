//! An event as Slack and Teams take it.
//!
//! Source: Slack, "Sending messages using incoming webhooks", "Formatting text for app surfaces" and
//! "Text object"; Microsoft, "Post a workflow when a webhook request is received in Microsoft Teams"
//! and "Adaptive Cards", schema 1.4 (`RichTextBlock`: its runs know no markup).

use serde_json::{Value, json};

use super::words::Words;

/// Gives the message for an incoming webhook of Slack.
pub(super) fn slack(words: &Words) -> Value {
    let title = escaped(&words.title);
    let facts = words.facts.iter();
    let facts: Vec<String> = facts
        .map(|(name, text)| format!("{name}: {}", escaped(text)))
        .collect();
    let mut blocks = vec![section(&title)];
    if !facts.is_empty() {
        blocks.push(section(&facts.join("\n")));
    }
    json!({"text": title, "unfurl_links": false, "unfurl_media": false, "blocks": blocks})
}

/// A text of which nothing is made a link or a mention.
fn section(text: &str) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": true}})
}

/// Escapes what Slack reads as a link, a mention or an entity. Its marks for bold and the like have no
/// escape: they change how a text looks, not what it says.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Gives the message for a workflow of Teams: a card of texts without markup.
pub(super) fn teams(words: &Words) -> Value {
    let run = |text: &str, is_title: bool| {
        let weight = if is_title { "bolder" } else { "default" };
        json!({"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, "weight": weight}]})
    };
    let facts = words.facts.iter();
    let facts = facts.map(|(name, text)| run(&format!("{name}: {text}"), false));
    let body: Vec<Value> = std::iter::once(run(&words.title, true))
        .chain(facts)
        .collect();
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": body,
            },
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Words {
        Words {
            title: "<!channel> a & b".into(),
            facts: vec![(
                "Why",
                "<https://evil.test|click> [x](https://evil.test)".into(),
            )],
        }
    }

    #[test]
    fn what_others_chose_is_no_mention_and_no_link_to_slack() {
        let message = slack(&words());
        assert_eq!(message["text"], "&lt;!channel&gt; a &amp; b");
        let blocks = message["blocks"].as_array().unwrap();
        assert_eq!(blocks[0]["text"]["text"], message["text"]);
        let why = "Why: &lt;https://evil.test|click&gt; [x](https://evil.test)";
        assert_eq!(blocks[1]["text"]["text"], why);
        assert!(blocks.iter().all(|block| block["text"]["verbatim"] == true));
        let bare = Words {
            facts: Vec::new(),
            ..words()
        };
        assert_eq!(slack(&bare)["blocks"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn a_card_of_teams_has_texts_that_know_no_markup() {
        let message = teams(&words());
        let card = &message["attachments"][0];
        assert_eq!(
            (&message["type"], &card["contentType"]),
            (
                &json!("message"),
                &json!("application/vnd.microsoft.card.adaptive")
            )
        );
        let body = card["content"]["body"].as_array().unwrap();
        assert_eq!(body[0]["inlines"][0]["text"], "<!channel> a & b");
        let only_runs = |block: &Value| {
            let mut runs = block["inlines"].as_array().unwrap().iter();
            block["type"] == "RichTextBlock" && runs.all(|run| run["type"] == "TextRun")
        };
        assert!(body.iter().all(only_runs), "{message}");
    }
}
