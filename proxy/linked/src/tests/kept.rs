//! What is kept of scanners, and what is believed of it at the next start.

use sluicegate_accounts::kept::BookStore as _;

use super::*;

#[tokio::test(start_paused = true)]
async fn what_is_not_kept_is_not_in_force_and_what_is_kept_survives() {
    let bench = Bench::new().await;
    let (member, credential) = bench.member(&[]).await;
    bench.store.let_fail(true);
    let failed = bench.linked.revoke(NAME, &somebody()).await;
    assert!(matches!(failed, Err(ChangeError::Store(_))));
    let named = |bench: &Bench| bench.linked.roll().named(NAME).as_deref().cloned();
    assert_eq!(named(&bench).as_ref(), Some(&member));
    let later = Bench::over(bench.store.clone(), bench.logged()).await;
    assert_eq!(named(&later).as_ref(), Some(&member));
    let presented = credential.to_secret();
    let proven = later.linked.roll().prove([192, 0, 2, 1].into(), &presented);
    assert_eq!(proven.await.as_deref(), Some(&member));
    let wrong = Secret::new(format!("{}x", presented.expose()));
    let proven = later.linked.roll().prove([192, 0, 2, 1].into(), &wrong);
    assert_eq!(proven.await, None);
}

#[tokio::test(start_paused = true)]
async fn an_older_book_brings_nobody_back_and_a_lost_one_lets_others_be_linked() {
    let bench = Bench::new().await;
    let (member, _) = bench.member(&[]).await;
    let older = bench.store.load().await.unwrap();
    bench.linked.revoke(NAME, &somebody()).await.unwrap();
    let (other, _) = bench.member(&[]).await;
    assert_ne!(other, member);
    for put in [older, None] {
        bench.store.put(put);
        let later = Bench::over(bench.store.clone(), bench.logged()).await;
        assert_eq!(later.linked.roll().named(NAME), None);
        assert_eq!(later.log.keys().len(), 1, "the log tells of it");
        // What was found is what the log knows of now.
        let again = Bench::over(later.store.clone(), later.logged()).await;
        assert_eq!(again.log.keys().len(), 0);
        again.member(&[]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_said_what_is_not_so_is_not_believed_where_that_cannot_be_kept() {
    let bench = Bench::new().await;
    let (member, _) = bench.member(&[]).await;
    bench.store.let_fail(true);
    bench.linked.suspend(&member.enrolment, "why").await;
    assert_eq!(bench.linked.roll().named(NAME), None);
    bench.store.let_fail(false);
    let wanted = WantedScanner {
        name: Some("other".to_owned()),
        ..wanted(&[])
    };
    let linked = bench.linked.roll().link(wanted, &somebody()).await;
    linked.unwrap();
    assert_eq!(bench.linked.roll().named(NAME), None, "whatever changes");
}
