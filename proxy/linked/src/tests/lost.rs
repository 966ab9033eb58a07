//! What others are told of scanners from which nothing more comes.

use sluicegate_engine::events::LossReason;
use tokio::sync::mpsc::UnboundedReceiver;

use super::*;
use crate::linked::News;

/// Gives why scanners were lost since this was asked last, and whether each had ever been there.
fn lost(news: &mut UnboundedReceiver<News>) -> Vec<(LossReason, bool)> {
    let all = std::iter::from_fn(|| news.try_recv().ok());
    let lost = all.filter_map(|news| match news {
        News::Lost(loss, _) => Some((loss.reason, loss.last_seen.is_some())),
        News::Ended(_) => None,
    });
    lost.collect()
}

#[tokio::test(start_paused = true)]
async fn a_scanner_that_stays_away_is_told_of_once_until_it_is_back() {
    let bench = Bench::new().await;
    let mut news = bench.linked.news().unwrap();
    tokio::spawn(bench.linked.clone().run());
    let (member, _) = bench.member(&[]).await;
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!(lost(&mut news), [(LossReason::Away, false)]);
    for _ in 0..2 {
        bench.linked.desk().see(&member, None);
        tokio::time::sleep(Duration::from_secs(50)).await;
        assert_eq!(lost(&mut news), [], "not away yet");
        tokio::time::sleep(Duration::from_mins(5)).await;
        assert_eq!(lost(&mut news), [(LossReason::Away, true)]);
    }
    bench.linked.revoke(NAME, &somebody()).await.unwrap();
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!(lost(&mut news), [], "somebody ended it");
}

#[tokio::test(start_paused = true)]
async fn a_scanner_that_lied_is_told_of_then_and_when_the_service_starts_again() {
    let bench = Bench::new().await;
    let mut news = bench.linked.news().unwrap();
    tokio::spawn(bench.linked.clone().run());
    let (member, _) = bench.member(&[]).await;
    bench.linked.desk().see(&member, None);
    bench.linked.suspend(&member.enrolment, "it lied").await;
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!(lost(&mut news), [(LossReason::Suspended, true)]);
    let again = Bench::over(bench.store.clone(), bench.logged()).await;
    let mut news = again.linked.news().unwrap();
    tokio::spawn(again.linked.clone().run());
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!(lost(&mut news), [(LossReason::Suspended, false)]);
}
